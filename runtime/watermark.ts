import { type Source, Sources } from './sources.ts'

/**
 * A task's event time: of each source the newest event time less the allowed out-of-orderness, and of these
 * the smallest of those that are not idle. Unknown until the first event; never goes back.
 */
export class Watermark {
  readonly sources: Sources
  readonly #outOfOrdernessMs: number
  #time: number | undefined

  constructor(
    outOfOrdernessMs: number,
    time: number | undefined,
    sources = new Sources({ watermark: time, appendedAt: -1 }),
  ) {
    this.#outOfOrdernessMs = outOfOrdernessMs
    this.#time = time
    this.sources = sources
  }

  /** Epoch ms, or `undefined`: unknown. */
  get time(): number | undefined {
    return this.#time
  }

  /** An event of the source, as `sources.take` answered it. Answers whether the watermark moved. */
  observe(eventTime: number, source: Source = this.sources.direct): boolean {
    const ownTime = eventTime - this.#outOfOrdernessMs
    if (source.time === undefined || ownTime > source.time) source.time = ownTime
    const time = this.sources.smallestTime(source.appendedAt)
    if (time === undefined || (this.#time !== undefined && time <= this.#time)) return false
    this.#time = time
    return true
  }
}
