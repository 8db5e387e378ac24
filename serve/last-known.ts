import type { Clock } from '../runtime/clock.ts'

interface Kept {
  readonly json: string
  /** Epoch ms at which the content was true. */
  readonly trueAt: number
}

/** About what a kept answer costs besides its text. */
const ENTRY_BYTES = 200
const BYTES_MAX = 64 << 20

/** The answers given last, for when nothing can be read: up to 64 MiB of them, those asked for least lately leave first. */
export class LastKnown {
  readonly #clock: Clock
  readonly #bytesMax: number
  /** In order of their last use. */
  readonly #kept = new Map<string, Kept>()
  /** From the oldest on; one from the front each time would first pass over all that has left. */
  #oldest = this.#kept.keys()
  #bytes = 0

  constructor(clock: Clock, bytesMax = BYTES_MAX) {
    this.#clock = clock
    this.#bytesMax = bytesMax
  }

  get isEmpty(): boolean {
    return this.#kept.size === 0
  }

  /** @param ageMs how far behind it may be already */
  keep(place: string, json: string, ageMs: number): void {
    const trueAt = this.#clock.now() - ageMs
    const before = this.#kept.get(place)
    if (before?.json === json) {
      this.#kept.delete(place)
      this.#kept.set(place, { json: before.json, trueAt }) // the old text, so that the new one dies young
      return
    }
    this.forget(place)
    this.#kept.set(place, { json, trueAt })
    this.#bytes += bytesOf(place, json)
    while (this.#bytes > this.#bytesMax) {
      const { value, done } = this.#oldest.next()
      if (done) this.#oldest = this.#kept.keys()
      else this.forget(value)
    }
  }

  get(place: string): { readonly json: string; readonly ageMs: number } | undefined {
    const kept = this.#kept.get(place)
    if (kept === undefined) return undefined
    return { json: kept.json, ageMs: Math.max(0, Math.round(this.#clock.now() - kept.trueAt)) }
  }

  clear(): void {
    this.#kept.clear()
    this.#bytes = 0
  }

  forget(place: string): void {
    const kept = this.#kept.get(place)
    if (kept === undefined) return
    this.#kept.delete(place)
    this.#bytes -= bytesOf(place, kept.json)
  }
}

function bytesOf(place: string, json: string): number {
  return ENTRY_BYTES + 2 * (place.length + json.length)
}
