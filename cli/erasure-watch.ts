import { type Log, nextOffset } from '../runtime/log.ts'
import { rekeyedHeader } from '../runtime/rekeyed.ts'
import { committedRecords } from './committed-records.ts'
import { eventOf } from './past-identities.ts'

interface WatchOptions {
  readonly log: Log
  readonly job: { readonly input: string }
  readonly signal: AbortSignal
}

/** Follows a job's input while a backfill sends there, for users who are erased meanwhile. */
export class ErasureWatch {
  readonly #options: WatchOptions
  readonly #source: string
  readonly #next: number[]
  readonly #erased = new Set<string>()
  /** Keys to whom the backfill has brought their past after they were erased. */
  readonly resurrected = new Set<string>()

  /** `source`: of the backfill, as its headers name it. `next`: where to begin in each partition. */
  constructor(options: WatchOptions, source: string, next: readonly number[]) {
    this.#options = options
    this.#source = source
    this.#next = [...next]
  }

  /** As of the last look. */
  isErased(key: string): boolean {
    return this.#erased.has(key)
  }

  /** Reads on to the present ends. */
  async look(): Promise<void> {
    const { log, job, signal } = this.#options
    const ends = (await log.topics.ranges(job.input)).map(({ end }) => end)
    const ranges = ends.map((to, partition) => ({
      ...{ partition, to },
      from: nextOffset(this.#next[partition] ?? 0),
    }))
    for await (const { record } of committedRecords(log, job.input, ranges, { signal })) {
      const headers = record.hasHeaders() ? record.headers() : []
      const from = headers.find(([name]) => name === rekeyedHeader)?.[1].toString()
      if (from?.startsWith(`${this.#source}/`)) {
        const key = record.keyString() ?? ''
        if (this.#erased.has(key)) this.resurrected.add(key)
        continue
      }
      const event = eventOf(record)
      if (event?.type === 'delete') this.#erased.add(event.key)
    }
    signal.throwIfAborted()
    for (const [partition, end] of ends.entries()) this.#next[partition] = end
  }
}
