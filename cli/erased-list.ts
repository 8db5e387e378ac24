import { erasedHash, parseErasure } from '../runtime/erased.ts'
import type { Log } from '../runtime/log.ts'
import { outputTopics } from '../runtime/outputs.ts'
import { committedRecords } from './committed-records.ts'

/** Where and when something was appended to an input. */
export interface Place {
  readonly partition: number
  readonly offset: number
  /** Epoch ms. */
  readonly appendedAt: number
  /** Of the input; `undefined`: not known, and offsets say nothing then. */
  readonly era?: number | undefined
}

/** Who was erased, as jobs have written it down: keys by their hashes, some 200 bytes each. */
export class ErasedList {
  readonly #newest = new Map<string, Place>()

  get size(): number {
    return this.#newest.size
  }

  add(hash: string, place: Place): void {
    const known = this.#newest.get(hash)
    if (known === undefined || known.appendedAt < place.appendedAt) this.#newest.set(hash, place)
  }

  /** Whether what happened to the key there was erased later. */
  covers(key: string, place: Place): boolean {
    if (this.#newest.size === 0) return false
    const erasure = this.#newest.get(erasedHash(key))
    return erasure !== undefined && isBefore(place, erasure)
  }
}

/**
 * Within a partition its order decides, since many records share a millisecond; else time does, and a tie counts as
 * before.
 */
export function isBefore(place: Place, erasure: Place): boolean {
  const comparable = place.partition === erasure.partition && place.era === erasure.era
  return comparable ? place.offset < erasure.offset : place.appendedAt <= erasure.appendedAt
}

/**
 * The lists of all jobs on these brokers, as far as they tell of keys of that input; of the jobs `besides`, whatever
 * their input is. A job named there that has none is told by an error of the log.
 */
export async function readErased(
  log: Log,
  input: string,
  { besides = [], signal }: { besides?: readonly string[]; signal: AbortSignal },
): Promise<ErasedList> {
  const list = new ErasedList()
  const named = besides.map(job => outputTopics(job).erased)
  const suffix = outputTopics('').erased
  const others = (await log.topics.names()).filter(
    name => name.endsWith(suffix) && !named.includes(name),
  )
  for (const topic of named) await addErased(list, log, topic, undefined, signal)
  for (const topic of others) await addErased(list, log, topic, input, signal)
  return list
}

/** The list of one job, empty where it has none. */
export async function readErasedBy(
  log: Log,
  job: string,
  signal: AbortSignal,
): Promise<ErasedList> {
  const list = new ErasedList()
  const { erased } = outputTopics(job)
  if ((await log.topics.names()).includes(erased))
    await addErased(list, log, erased, undefined, signal)
  return list
}

/** `input`: only what tells of its keys. */
async function addErased(
  list: ErasedList,
  log: Log,
  topic: string,
  input: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const ranges = await log.topics.ranges(topic)
  const whole = ranges.map(({ start, end }, partition) => ({ partition, from: start, to: end }))
  for await (const { partition, record } of committedRecords(log, topic, whole, { signal })) {
    const erasure = parseErasure(String(record.value()))
    if (erasure === undefined || (input !== undefined && erasure.input !== input)) continue
    const { era, offset, at } = erasure
    // Where a key lies in another input says nothing of this one.
    const place = input === undefined ? nowhere : { partition, era, offset }
    list.add(String(record.key()), { ...place, appendedAt: at })
  }
}

/** Of what lies in no partition of the input: nothing is in the same one. */
export const nowhere = { partition: Number.NaN, offset: -1 }
