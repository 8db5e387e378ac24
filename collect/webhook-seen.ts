/**
 * Ids of events that were taken, for as long as their provider may repeat them; of more than `idsMax` the oldest are
 * forgotten. It saves the topic from repeats. What slips through, after a restart or beside another process, is the
 * runtime's to recognise: an event has the same messageId each time.
 */
export class Seen {
  /** When each is forgotten, ms of the clock; the first was added first. */
  readonly #ids = new Map<string, number>()
  readonly #keepMs: number
  readonly #idsMax: number

  constructor(keepMs: number, idsMax: number) {
    this.#keepMs = keepMs
    this.#idsMax = idsMax
  }

  get size(): number {
    return this.#ids.size
  }

  /** @param now ms of a clock that never goes back */
  has(id: string, now: number): boolean {
    return (this.#ids.get(id) ?? Number.NEGATIVE_INFINITY) > now
  }

  add(id: string, now: number): void {
    this.#ids.delete(id)
    this.#ids.set(id, now + this.#keepMs)
    for (const [oldest, until] of this.#ids) {
      if (until > now && this.#ids.size <= this.#idsMax) break
      this.#ids.delete(oldest)
    }
  }
}
