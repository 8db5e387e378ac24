import type { Clock } from './clock.ts'

/** A caught-up task whose watermark has not moved for so long is idle. */
const idleMs = 5_000
/** How long it counts that the reader was at the end. */
const caughtUpMsMax = 3_000
const skewMsMax = 5 * 60_000

/** What tells whether event time stands still because nothing happens, so that the wall clock may move it. */
export class Idleness {
  readonly #clock: Clock
  #caughtUpAt = Number.NEGATIVE_INFINITY
  #movedAt: number
  #skewMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#movedAt = clock.elapsed()
  }

  /** The reader stands at the partition's end, and nothing came. */
  caughtUp(): void {
    this.#caughtUpAt = this.#clock.elapsed()
  }

  watermarkMoved(): void {
    this.#movedAt = this.#clock.elapsed()
  }

  /** Records came while the reader was at the end: their append time should be about now. */
  arrived(appendedAt: number): void {
    if (this.#isCaughtUp()) this.#skewMs = this.#clock.now() - appendedAt
  }

  /** Never while the clock and the newest append times (epoch ms) disagree by more than five minutes. */
  isIdle(appendedAt: number): boolean {
    const still = this.#clock.elapsed() - this.#movedAt >= idleMs
    const clockIsRight =
      Math.abs(this.#skewMs) <= skewMsMax && appendedAt - this.#clock.now() <= skewMsMax
    return this.#isCaughtUp() && still && clockIsRight
  }

  #isCaughtUp(): boolean {
    return this.#clock.elapsed() - this.#caughtUpAt < caughtUpMsMax
  }
}
