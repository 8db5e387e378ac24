/**
 * A task's event time: the newest event time less the allowed out-of-orderness. Unknown until the first
 * event; never goes back.
 */
export class Watermark {
  readonly #outOfOrdernessMs: number
  #time: number | undefined

  constructor(outOfOrdernessMs: number, time: number | undefined) {
    this.#outOfOrdernessMs = outOfOrdernessMs
    this.#time = time
  }

  /** Epoch ms, or `undefined`: unknown. */
  get time(): number | undefined {
    return this.#time
  }

  /** Answers whether it moved. */
  observe(eventTime: number): boolean {
    const time = eventTime - this.#outOfOrdernessMs
    if (this.#time !== undefined && time <= this.#time) return false
    this.#time = time
    return true
  }
}
