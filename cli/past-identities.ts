import { decodeEvent } from '../runtime/decode.ts'
import type { Log } from '../runtime/log.ts'
import { type CommittedRecord, committedRecords, type PartitionRange } from './committed-records.ts'

/** Where and when something of a topic was appended. What never lay in it has the partition and offset -1. */
export interface Place {
  readonly partition: number
  readonly offset: number
  /** Epoch ms. */
  readonly appendedAt: number
}

/** Who somebody turned out to be, and who must be forgotten, as a whole topic tells it. */
export interface PastIdentities {
  /**
   * Whose an event of the key is that lies there: its own, or the user's who claimed it first. `undefined`: it
   * was erased later.
   */
  ownerOf(key: string, place: Place): string | undefined
}

interface Claim extends Place {
  readonly owner: string
}

/**
 * Reads the ranges once. Kept in memory: some hundred bytes for each identified or erased user. `merges`:
 * whether the job makes an anonymous key its user's.
 */
export async function pastIdentities(
  log: Log,
  topic: string,
  ranges: readonly PartitionRange[],
  { merges, signal }: { readonly merges: boolean; readonly signal: AbortSignal },
): Promise<PastIdentities> {
  const past = new Past()
  for await (const { partition, record } of committedRecords(log, topic, ranges, { signal })) {
    const event = eventOf(record)
    if (event === undefined) continue
    const place = { partition, offset: record.offset, appendedAt: record.timestamp }
    const { type, key, userId, anonymousId } = event
    if (type === 'delete') past.erase(key, place)
    const names = type === 'identify' || type === 'alias'
    if (merges && names && userId === key && anonymousId && anonymousId !== key)
      past.claim(anonymousId, { ...place, owner: userId })
  }
  return past
}

class Past implements PastIdentities {
  readonly #erasures = new Map<string, Place>()
  /** Of each alias, in order of time. */
  readonly #claims = new Map<string, Claim[]>()

  erase(key: string, place: Place): void {
    this.#erasures.set(key, place)
  }

  claim(alias: string, claim: Claim): void {
    const claims = this.#claims.get(alias) ?? []
    const stands = (one: Claim) => one.owner === claim.owner && !this.#isErased(one.owner, one)
    if (claims.some(stands)) return
    claims.push(claim)
    claims.sort((one, other) => one.appendedAt - other.appendedAt)
    this.#claims.set(alias, claims)
  }

  ownerOf(key: string, place: Place): string | undefined {
    if (this.#isErased(key, place)) return undefined
    for (const claim of this.#claims.get(key) ?? []) {
      // A claim lies in its owner's partition, so it is the claim's place that says whether the erasure undid it.
      if (!this.#isErased(claim.owner, claim)) return claim.owner
      if (this.#isErased(claim.owner, place)) return undefined
    }
    return key
  }

  /** Within a partition its order decides, since many records share a millisecond; else time does, and a tie is erased. */
  #isErased(key: string, { partition, offset, appendedAt }: Place): boolean {
    const erasure = this.#erasures.get(key)
    if (erasure === undefined) return false
    return erasure.partition === partition
      ? offset < erasure.offset
      : appendedAt <= erasure.appendedAt
  }
}

/** `undefined`: it is none that a job would take. */
export function eventOf(record: CommittedRecord['record']) {
  try {
    return decodeEvent(record.value(), record.timestamp)
  } catch {
    return undefined // in <job>.dead since it was first read
  }
}
