import { hash53 } from './hash.ts'

/**
 * The last message ids of one key, by which a repeat is known: at most `last` of them, and none more than
 * `withinMs` older in event time than the key's newest event. An older repeat counts again.
 *
 * Of an id only a hash of 53 bits is kept. So an event whose id is new is taken for a repeat, and lost,
 * with odds of `last` in 2^53: at 50 ids, once in 180 million million events.
 *
 * What it answers depends on the calls alone, not on whether it was encoded in between.
 */
export class RecentIds {
  readonly #last: number
  readonly #withinMs: number
  /** `[hash, event time, hash, event time, …]` in order of adding; only the last ones count. */
  readonly #ids: number[]
  #newestTime: number

  /** `encoded` is what `encode` gave, maybe under other bounds. Throws a `TypeError` for anything else. */
  constructor(
    bounds: { readonly last: number; readonly withinMs: number },
    encoded: unknown = [Number.NEGATIVE_INFINITY],
  ) {
    this.#last = bounds.last
    this.#withinMs = bounds.withinMs
    const { newestTime, ids } = decode(encoded)
    this.#newestTime = newestTime
    this.#ids = ids
  }

  /** Whether an event of this id was added, and is still remembered at event time `time`. Never for ''. */
  seen(id: string, time: number): boolean {
    if (id === '' || this.#ids.length === 0) return false
    const hash = hash53(id)
    const earliest = Math.max(time, this.#newestTime) - this.#withinMs
    const ids = this.#ids
    for (let at = this.#firstOfLast(); at < ids.length; at += 2)
      if (ids[at] === hash && (ids[at + 1] as number) >= earliest) return true
    return false
  }

  /** Remembers the id, if there is one. `time` is the event's, whole epoch ms. */
  add(id: string, time: number): void {
    if (this.#last === 0) return
    if (time > this.#newestTime) this.#newestTime = time
    if (id === '') return
    this.#ids.push(hash53(id), time)
    // Not at each event: moving the others up would cost more than the rest of this.
    if (this.#ids.length >= 4 * this.#last) this.#forget()
  }

  /** `[newest time, hash, age, hash, age, …]`, the age being ms before the newest time. About 14 bytes for each id. */
  encode(): number[] {
    this.#forget()
    const encoded = [this.#newestTime, ...this.#ids]
    for (let at = 2; at < encoded.length; at += 2)
      encoded[at] = this.#newestTime - (encoded[at] as number)
    return encoded
  }

  #firstOfLast(): number {
    return Math.max(0, this.#ids.length - 2 * this.#last)
  }

  /** Drops what `seen` will never find again, from the oldest on. */
  #forget(): void {
    let kept = this.#firstOfLast()
    const earliest = this.#newestTime - this.#withinMs
    while (kept < this.#ids.length && (this.#ids[kept + 1] as number) < earliest) kept += 2
    this.#ids.splice(0, kept)
  }
}

function decode(encoded: unknown): { newestTime: number; ids: number[] } {
  if (!Array.isArray(encoded) || encoded.length % 2 === 0) throw notIds(encoded)
  const [newestTime, ...ids]: unknown[] = encoded
  if (typeof newestTime !== 'number' || !isNumbers(ids)) throw notIds(encoded)
  for (let at = 1; at < ids.length; at += 2) ids[at] = newestTime - (ids[at] as number)
  return { newestTime, ids }
}

function isNumbers(values: unknown[]): values is number[] {
  return values.every(value => typeof value === 'number')
}

function notIds(encoded: unknown): TypeError {
  const found = String(JSON.stringify(encoded)).slice(0, 100)
  return new TypeError(`expected encoded message ids, [newest time, hash, age, …]; found ${found}`)
}
