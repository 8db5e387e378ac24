import type { Clock } from './clock.ts'

interface Waiting {
  /** Of `Clock.elapsed`. */
  readonly at: number
  readonly end: () => void
}

/**
 * Ends of waits, of which nearly none is ever reached: one sleep, until the first of them, stands for all. A timer and
 * a signal for each wait cost 15 µs, a tenth of what a block costs.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #waiting = new Set<Waiting>()
  readonly #closed = new AbortController()
  #wakesAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What was made, or `late` after `ms`; what comes then is not waited for. */
  within<Made>(making: Promise<Made>, ms: number): Promise<Made | 'late'> {
    return new Promise((resolve, reject) => {
      const at = this.#clock.elapsed() + ms
      const waiting: Waiting = { at, end: () => resolve('late') }
      this.#waiting.add(waiting)
      const made = (value: Made) => {
        this.#waiting.delete(waiting)
        resolve(value)
      }
      making.then(made, error => {
        this.#waiting.delete(waiting)
        reject(error)
      })
      if (at < this.#wakesAt) this.#sleepUntil(at)
    })
  }

  /** Its sleep keeps the process no longer. What waits has no end from then on. */
  close(): void {
    this.#closed.abort()
  }

  async #sleepUntil(at: number): Promise<void> {
    this.#wakesAt = at
    await this.#clock.sleep(at - this.#clock.elapsed(), this.#closed.signal)
    if (this.#closed.signal.aborted) return
    const now = this.#clock.elapsed()
    let next = Number.POSITIVE_INFINITY
    for (const waiting of this.#waiting)
      if (waiting.at <= now) {
        this.#waiting.delete(waiting)
        waiting.end()
      } else next = Math.min(next, waiting.at)
    // Not where an earlier one is slept for meanwhile, which goes on from there.
    if (this.#wakesAt !== at) return
    this.#wakesAt = Number.POSITIVE_INFINITY
    if (next !== Number.POSITIVE_INFINITY) this.#sleepUntil(next)
  }
}
