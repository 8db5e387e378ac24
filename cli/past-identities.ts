import { decodeEvent } from '../runtime/decode.ts'
import type { Log } from '../runtime/log.ts'
import { type CommittedRecord, committedRecords, type PartitionRange } from './committed-records.ts'

/** Who somebody turned out to be, and who must be forgotten, as a whole topic tells it. */
export interface PastIdentities {
  /** The user of an anonymous id, as far as one is known: the first that claimed it. */
  ownerOf(key: string): string
  /** Whether what happened to the key by then (append time, epoch ms) was erased later. */
  isErased(key: string, appendedAt: number): boolean
}

/** Reads the ranges once. Kept in memory: some hundred bytes for each identified or erased user. */
export async function pastIdentities(
  log: Log,
  topic: string,
  ranges: readonly PartitionRange[],
  signal: AbortSignal,
): Promise<PastIdentities> {
  const owners = new Map<string, string>()
  const erased = new Map<string, number>()
  for await (const { record } of committedRecords(log, topic, ranges, { signal })) {
    const event = eventOf(record)
    if (event === undefined) continue
    const { type, key, userId, anonymousId } = event
    if (type === 'delete') erased.set(key, record.timestamp)
    const names = type === 'identify' || type === 'alias'
    if (names && userId === key && anonymousId && anonymousId !== key && !owners.has(anonymousId))
      owners.set(anonymousId, userId)
  }
  return {
    ownerOf: key => owners.get(key) ?? key,
    isErased: (key, appendedAt) => appendedAt <= (erased.get(key) ?? Number.NEGATIVE_INFINITY),
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
