import type { Event } from '../jobs/event.ts'
import { decodeEvent } from '../runtime/decode.ts'
import type { Log } from '../runtime/log.ts'
import { type CommittedRecord, committedRecords, type PartitionRange } from './committed-records.ts'
import { type ErasedList, isBefore, nowhere, type Place } from './erased-list.ts'

export interface PastOptions {
  /** Whether the job makes an anonymous key its user's. */
  readonly merges: boolean
  /** Who was erased though no event says so any more. */
  readonly erased?: ErasedList
}

/**
 * Who somebody turned out to be, and who must be forgotten, as events tell it. Kept in memory: some hundred bytes for
 * each identified or erased user.
 */
export class Past {
  readonly #options: PastOptions
  readonly #erasures = new Map<string, Place>()
  /** Of each alias, in order of time. */
  readonly #claims = new Map<string, (Place & { readonly owner: string })[]>()

  constructor(options: PastOptions) {
    this.#options = options
  }

  /** Of one key in order of time. */
  tell({ type, key, userId, anonymousId }: Event, place: Place): void {
    if (type === 'delete') this.#erasures.set(key, place)
    const names = type === 'identify' || type === 'alias'
    if (this.#options.merges && names && userId === key && anonymousId && anonymousId !== key)
      this.#claim(anonymousId, userId, place)
  }

  /**
   * Whose an event of the key is that lies there: its own, or the user's who claimed it first. `undefined`: it
   * was erased later.
   */
  ownerOf(key: string, place: Place): string | undefined {
    if (this.#isErased(key, place)) return undefined
    for (const claim of this.#claims.get(key) ?? []) {
      // A claim lies in its owner's partition, so it is the claim's place that says whether the erasure undid it.
      if (!this.#isErased(claim.owner, claim)) return claim.owner
      if (this.#isErased(claim.owner, place)) return undefined
    }
    return key
  }

  #claim(alias: string, owner: string, place: Place): void {
    const claims = this.#claims.get(alias) ?? []
    if (claims.some(one => one.owner === owner && !this.#isErased(owner, one))) return
    claims.push({ ...place, owner })
    claims.sort((one, other) => one.appendedAt - other.appendedAt)
    this.#claims.set(alias, claims)
  }

  #isErased(key: string, place: Place): boolean {
    const erasure = this.#erasures.get(key)
    if (erasure !== undefined && isBefore(place, erasure)) return true
    return this.#options.erased?.covers(key, place) === true
  }
}

/** What the ranges of an input tell, read once. `era`: the input's. */
export async function tellPast(
  past: Past,
  log: Log,
  topic: string,
  ranges: readonly PartitionRange[],
  { era, signal }: { readonly era?: number | undefined; readonly signal: AbortSignal },
): Promise<void> {
  for await (const { partition, record } of committedRecords(log, topic, ranges, { signal })) {
    const event = eventOf(record)
    if (event !== undefined) past.tell(event, placeOf(partition, record, era))
  }
}

export const placeOf = (
  partition: number,
  { offset, timestamp: appendedAt }: CommittedRecord['record'],
  era: number | undefined,
): Place => ({ partition, offset, appendedAt, era })

/** `undefined`: it is none that a job would take. */
export function eventOf(record: CommittedRecord['record']): Event | undefined {
  return decodedOrNothing(record.value(), record.timestamp)
}

/** An event of a file, and its place. `now`, epoch ms, bounds its time from above. */
export function eventInFile(
  value: string,
  now: number,
): { event: Event; place: Place } | undefined {
  const event = decodedOrNothing(Buffer.from(value), now)
  return event && { event, place: placeInFile(event) }
}

/** Whether an event of a file is of somebody who is on the list, and was erased after it. */
export function isErasedInFile(
  list: ErasedList,
  { key, value }: { readonly key: string | null; readonly value: string },
  now: number,
): boolean {
  if (list.size === 0 || key === null) return false
  const { place = { ...nowhere, appendedAt: 0 } } = eventInFile(value, now) ?? {}
  return list.covers(key, place)
}

/** Of a file nobody knows when its events were appended, and their senders' clocks may have been that much ahead. */
const clockMsMax = 5 * 60_000

function placeInFile({ receivedAt, timestamp }: Event): Place {
  return { ...nowhere, appendedAt: receivedAt ?? timestamp - clockMsMax }
}

function decodedOrNothing(value: Buffer | null, appendedAt: number): Event | undefined {
  try {
    return decodeEvent(value, appendedAt)
  } catch {
    return undefined // in <job>.dead since it was first read
  }
}
