import type { Store, TimerEntry } from '../state/store.ts'
import { compareTimers } from '../state/timer-order.ts'

const pageSize = 256

/**
 * Which key's timer is due next: the store's index for states at rest, merged with a heap for states that
 * are not written yet. Both are hints; the key's state says what fires. An entry may come twice or come
 * late to be wrong, never be missing; where another definition of the job has written the index, one may be too
 * early, and its key's own is to be scheduled then.
 */
export class Timers {
  readonly #store: Store
  #heap: TimerEntry[] = []
  #page: TimerEntry[] = []
  #pageIndex = 0
  #cursor: TimerEntry | undefined
  #pagesEnded = false

  constructor(store: Store) {
    this.#store = store
  }

  get size(): number {
    return this.#heap.length
  }

  schedule(time: number, key: string): void {
    const heap = this.#heap
    const entry = { time, key }
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (compareTimers(heap[parent] as TimerEntry, entry) <= 0) break
      heap[index] = heap[parent] as TimerEntry
      index = parent
    }
    heap[index] = entry
  }

  /**
   * Takes out the first entry due at or before `upTo`, by time, then key. `'load'`: the index's next page is
   * not in memory; await `load` and ask again.
   */
  take(upTo: number): { entry: TimerEntry; indexed: boolean } | 'load' | undefined {
    if (this.#pageIndex >= this.#page.length && !this.#pagesEnded && !this.#nextPage())
      return 'load'
    const top = this.#heap[0]
    const head = this.#page[this.#pageIndex]
    const indexed = head && head.time <= upTo ? head : undefined
    if (indexed && (!top || compareTimers(indexed, top) <= 0)) {
      this.#pageIndex++
      this.#cursor = indexed
      return { entry: indexed, indexed: true }
    }
    if (!top || top.time > upTo) return undefined
    this.#pop()
    return { entry: top, indexed: false }
  }

  async load(): Promise<void> {
    await this.#store.loadTimers(this.#cursor)
  }

  /**
   * Forgets heap entries of keys that are at rest (the index has them), and of times that their keys have moved on
   * from, when the heap has outgrown the keys that are not at rest: then at most one of each is left. Call it where
   * nothing is due. `unwritten`: the time of a key's timer, where the index does not say it.
   */
  shrink(active: number, unwritten: (key: string) => number | undefined): void {
    if (this.#heap.length < 1_000 + 4 * active) return
    const kept = new Map<string, number>()
    for (const { time, key } of this.#heap) {
      if (unwritten(key) === time) kept.set(key, time)
    }
    this.#heap = []
    for (const [key, time] of kept) this.schedule(time, key)
    this.#cursor = undefined
    this.#page = []
    this.#pageIndex = 0
    this.#pagesEnded = false
  }

  /** What slices add to the index meanwhile is in the heap too, so a page is good until it is used up. */
  #nextPage(): boolean {
    const page = this.#store.timers(this.#cursor, Number.MAX_SAFE_INTEGER, pageSize)
    if (page === undefined) return false
    this.#page = page
    this.#pageIndex = 0
    this.#pagesEnded = page.length < pageSize
    return true
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (
        child + 1 < heap.length &&
        compareTimers(heap[child + 1] as TimerEntry, heap[child] as TimerEntry) < 0
      )
        child++
      if (compareTimers(heap[child] as TimerEntry, last) >= 0) break
      heap[index] = heap[child] as TimerEntry
      index = child
    }
    heap[index] = last
  }
}
