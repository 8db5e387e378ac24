import { hash53 } from './hash.ts'
import type { StateReader } from './state-reader.ts'
import type { StateWriter } from './state-writer.ts'

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
  #ids: number[] = []
  #newestTime = Number.NEGATIVE_INFINITY

  constructor(bounds: { readonly last: number; readonly withinMs: number }) {
    this.#last = bounds.last
    this.#withinMs = bounds.withinMs
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

  /** The newest time; how many ids; of each its hash, and how much older than the newest it is. About 11 bytes for each. */
  write(to: StateWriter): void {
    this.#forget()
    const ids = this.#ids
    to.number(this.#newestTime)
    to.list(ids.length / 2)
    for (let at = 0; at < ids.length; at += 2) {
      to.hash(ids[at] as number)
      to.number(this.#newestTime - (ids[at + 1] as number))
    }
  }

  /** What `write` has written, maybe under other bounds. */
  read(from: StateReader): void {
    this.#newestTime = from.number()
    const ids = new Array<number>(2 * from.list())
    for (let at = 0; at < ids.length; at += 2) {
      ids[at] = from.hash()
      ids[at + 1] = this.#newestTime - from.number()
    }
    this.#ids = ids
  }

  /** What a state of format version 1 has: `[newest time, hash, age, hash, age, …]`. Throws a `TypeError` for anything else. */
  readFirst(encoded: unknown): void {
    if (!Array.isArray(encoded) || encoded.length % 2 === 0) throw notIds(encoded)
    const [newestTime, ...ids]: unknown[] = encoded
    if (typeof newestTime !== 'number' || !isNumbers(ids)) throw notIds(encoded)
    for (let at = 1; at < ids.length; at += 2) ids[at] = newestTime - (ids[at] as number)
    this.#newestTime = newestTime
    this.#ids = ids
  }

  #firstOfLast(): number {
    return Math.max(0, this.#ids.length - 2 * this.#last)
  }

  /** Drops what `seen` will never find again, from the oldest on. */
  #forget(): void {
    let kept = this.#firstOfLast()
    const earliest = this.#newestTime - this.#withinMs
    while (kept < this.#ids.length && (this.#ids[kept + 1] as number) < earliest) kept += 2
    if (kept > 0) this.#ids.splice(0, kept)
  }
}

function isNumbers(values: unknown[]): values is number[] {
  return values.every(value => typeof value === 'number')
}

function notIds(encoded: unknown): TypeError {
  const found = String(JSON.stringify(encoded)).slice(0, 100)
  return new TypeError(`expected encoded message ids, [newest time, hash, age, …]; found ${found}`)
}
