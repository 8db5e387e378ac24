import type { BaseLogger } from 'pino'
import type { Clock } from '../runtime/clock.ts'
import {
  type Fetched,
  type Log,
  LogDenied,
  LogError,
  type NextOffset,
  nextOffset,
} from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { type Changes, type ReadRow, readChanges } from './changes.ts'
import { advanced, fromStart, type Misfit, misfitOf, outlived } from './progress.ts'
import type { View } from './view.ts'
import { ViewError } from './view-level.ts'

export interface FollowOptions {
  readonly log: Log
  readonly topic: string
  readonly view: View
  readonly clock: Clock
  readonly logger: Pick<BaseLogger, 'info' | 'warn' | 'error'>
  readonly telemetry: Telemetry
  /** How a record becomes a row; as a job writes feature rows when left out. */
  readonly readRow?: ReadRow
  /** Whether the topic may be missing, which is then no news. */
  readonly optional?: boolean
  /** The brokers have never let us in: nothing more is followed. */
  readonly failed: (error: unknown) => void
}

type Ranges = readonly { readonly start: NextOffset; readonly end: NextOffset }[]

/** A quiet partition answers this often; so, near the end, an answer's `ageMs` is at most about this. */
const WAIT_MS_MAX = 100
/** Small, since the event loop answers no request while the rows of one partition are taken: some 2 ms for these. */
const PARTITION_BYTES_MAX = 256 << 10
const FLUSH_MS = 1_000
/** How often the times at the end are put on the disk where nothing else changed. */
const QUIET_FLUSH_MS = 10_000
const RETRY_MS_MAX = 10_000
const STOP_MS_MAX = 2_000

/**
 * Keeps a view equal to its topic:
 *
 * 1. ask the broker where the topic's partitions start and end;
 * 2. throw the view away where it cannot be continued (`misfitOf`), to read from the start;
 * 3. read from the view's positions on, until something breaks; wait, and go to 1.
 */
export class Follower {
  readonly #options: FollowOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #stopFlushing: () => void = () => undefined
  #flushedAt = 0
  /** Ends that were seen when the view was opened, or begun anew. */
  #targets: readonly number[] | undefined
  /** Ends as last seen. */
  #ends: number[] = []
  /** Why nothing is read at this moment; '' while something is. */
  #trouble = 'the broker has not answered yet'
  #missing = false

  constructor(options: FollowOptions) {
    this.#options = options
  }

  start(): void {
    this.#stopFlushing = this.#options.clock.every(FLUSH_MS, () => this.#flush())
    this.#running = this.#run()
  }

  /** Ends reading. The view is not touched any more, and may be closed. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#stopFlushing()
    // A question to a broker that is away may stay unanswered for longer than anybody waits for us to stop.
    const ended = new AbortController()
    const running = this.#running.finally(() => ended.abort())
    await Promise.race([running, this.#options.clock.sleep(STOP_MS_MAX, ended.signal)])
  }

  /** Whether everything that was in the topic when it was first seen is in the view. */
  get caughtUp(): boolean {
    return this.#targets?.every((target, partition) => this.#left(target, partition) === 0) ?? false
  }

  /** Whether there is no such topic, as the brokers said last. */
  get missing(): boolean {
    return this.#missing
  }

  /** Why it is not caught up, for people. */
  get reasons(): string[] {
    if (this.caughtUp) return []
    if (this.#trouble !== '') return [this.#trouble]
    return (this.#targets ?? []).flatMap((target, partition) => {
      const left = this.#left(target, partition)
      return left === 0 ? [] : [`${this.#options.topic}-${partition}: ${left} offsets left to read`]
    })
  }

  /** Offsets from each partition's position to its end, as last seen. */
  get lag(): readonly number[] {
    return this.#ends.map((end, partition) => this.#left(end, partition))
  }

  #left(end: number, partition: number): number {
    return Math.max(0, end - (this.#options.view.partitions[partition]?.next ?? 0))
  }

  async #run(): Promise<void> {
    const { clock, failed, logger, topic, view } = this.#options
    const { signal } = this.#stopping
    let failures = 0
    const answered = () => {
      if (failures > 0) logger.info({ topic }, 'the topic is followed again')
      failures = 0
      this.#missing = false
      this.#trouble = ''
    }
    while (!signal.aborted) {
      try {
        if (view.fault?.code === 'failed') await view.mend()
        await this.#follow(answered)
      } catch (error) {
        if (signal.aborted) return
        // Once let in, answers that grow old are worth more than none.
        const deniedAtStart = error instanceof LogDenied && this.#targets === undefined
        if (deniedAtStart) return failed(error)
        const reason = error instanceof Error ? error.message : String(error)
        this.#missing = error instanceof LogError && error.code === 'unknown-topic'
        const expected = this.#missing && this.#options.optional === true
        if (error instanceof ViewError) this.#tellBroken(error)
        else if (reason !== this.#trouble)
          logger[expected ? 'info' : 'warn']({ topic, reason }, 'the topic cannot be read')
        this.#trouble = reason
        await clock.sleep(Math.min(100 * 2 ** failures++, RETRY_MS_MAX), signal)
      }
    }
  }

  /** Reads until the view was thrown away, or until we stop. */
  async #follow(answered: () => void): Promise<void> {
    const { clock, log, topic, view } = this.#options
    const { signal } = this.#stopping
    const ranges = await log.topics.ranges(topic)
    if (signal.aborted) return
    const damaged = view.fault?.code === 'damaged'
    const misfit = damaged ? 'damaged' : misfitOf(view, topic, ranges, clock.now())
    if (misfit !== undefined) await this.#readAnew(misfit, ranges)
    this.#targets ??= ranges.map(({ end }) => end)

    const bounds = { waitMsMax: WAIT_MS_MAX, partitionBytesMax: PARTITION_BYTES_MAX }
    const reader = log.reader({ topic, ...bounds })
    let closed: Promise<void> | undefined
    const close = () => {
      closed ??= reader.close()
    }
    signal.addEventListener('abort', close)
    try {
      for (const [p, { next }] of view.partitions.entries()) reader.seek(p, nextOffset(next))
      const poll = async () => ({ answers: await reader.poll(), at: clock.now() })
      let polling = poll()
      for (;;) {
        const { answers, at } = await polling
        polling = poll() // it comes while we take this one
        polling.catch(() => undefined) // thrown when it is waited for
        if (view.fault !== undefined) throw view.fault
        for (const answer of answers) {
          if (signal.aborted) return
          answered()
          const misfit = await this.#take(answer, at)
          await clock.turn() // requests have theirs between two partitions' rows
          if (misfit === undefined) continue
          return await this.#readAnew(misfit, await log.topics.ranges(topic))
        }
        if (signal.aborted) return
      }
    } finally {
      signal.removeEventListener('abort', close)
      close()
      await closed
    }
  }

  /** @param now when the answer came */
  async #take(fetched: Fetched, now: number): Promise<Misfit | undefined> {
    const { telemetry, view } = this.#options
    const { partition, end, start } = fetched
    const before = view.partitions[partition]
    if (before === undefined || before.next !== fetched.fetched) return undefined
    if (fetched.kind === 'out-of-range') return start > before.next ? 'log_start' : 'log_end'
    const changes = readChanges(fetched, this.#options.readRow)
    if (outlived(before, now, changes.first)) return 'too_old'
    const { next } = fetched
    const after = advanced(before, { next, end, newest: changes.newest, now })
    const { applied, older } = await view.apply(partition, changes.changes, after)
    this.#ends[partition] = end
    telemetry.add('millrace_view_rows_applied', applied, { partition })
    if (older > 0)
      telemetry.add('millrace_view_rows_ignored', older, { partition, reason: 'older' })
    this.#tell(partition, changes)
    return undefined
  }

  #tell(partition: number, { malformed }: Changes): void {
    const [first] = malformed
    if (first === undefined) return
    const { logger, telemetry, topic } = this.#options
    const labels = { partition, reason: 'malformed' }
    telemetry.add('millrace_view_rows_ignored', malformed.length, labels)
    const where = { topic, partition, offset: first.offset, records: malformed.length }
    logger.warn(where, `a record is no feature row, since ${first.reason}; it was passed over`)
  }

  async #readAnew(misfit: Misfit, ranges: Ranges): Promise<void> {
    const { clock, logger, telemetry, topic, view } = this.#options
    if (this.#stopping.signal.aborted) return
    this.#targets = undefined
    const now = clock.now()
    await view.reset(
      topic,
      ranges.map(({ start }) => fromStart(start, now)),
      ranges.reduce((rows, { start, end }) => rows + end - start, 0),
    )
    this.#ends = ranges.map(({ end }) => end)
    if (misfit === 'new') return
    telemetry.add('millrace_view_resets', 1, { reason: misfit })
    logger.warn({ topic, misfit }, 'the view is thrown away and read anew')
  }

  async #flush(): Promise<void> {
    const { clock, view } = this.#options
    if (view.fault !== undefined) return // it is mended first
    if (!view.changed && clock.elapsed() - this.#flushedAt < QUIET_FLUSH_MS) return
    this.#flushedAt = clock.elapsed()
    await view.flush().catch((error: unknown) => this.#tellBroken(error))
  }

  /** Once for each that differs: it is tried again and again. */
  #tellBroken(error: unknown): void {
    const { logger, topic } = this.#options
    const reason = error instanceof Error ? error.message : String(error)
    if (reason !== this.#trouble)
      logger.error({ topic, reason }, 'the view is broken; it answers from what it has')
    this.#trouble = reason
  }
}
