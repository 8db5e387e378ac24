import type { BaseLogger } from 'pino'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { PackedValues } from '../state/packed-values.ts'
import type { ReadRow } from './changes.ts'
import { Follower } from './follow.ts'
import { fillMemory } from './memory-fill.ts'
import type { ChangeListener } from './pending-rows.ts'
import { ageMsOf } from './progress.ts'
import type { Row } from './row.ts'
import { type Standing, standingOf, standingOfAbsence } from './standing.ts'
import { openView, type View } from './view.ts'

export interface TopicViewOptions {
  readonly log: Log
  /** A compacted topic of rows, such as `email.features`. */
  readonly topic: string
  /** Of its own; one process at a time has it open. */
  readonly folder: string
  readonly clock: Clock
  readonly logger: Pick<BaseLogger, 'info' | 'warn' | 'error'>
  readonly telemetry: Telemetry
  /** An answer that may be further behind is `stale`, ms. */
  readonly staleMs: number
  /** For rows in memory; 64 MiB of its own when left out. */
  readonly packed?: PackedValues
  /** How a record becomes a row; as a job writes feature rows when left out. */
  readonly readRow?: ReadRow
  /** Whether the topic may be missing: its rows are then unknown, and nobody waits for it. */
  readonly optional?: boolean
  /** Nothing more is followed: the brokers do not let us in at the start. */
  readonly failed: (error: unknown) => void
}

/** Rows by key, and how good an answer from them is. */
export interface Rows {
  /** Read at once, on the event loop. */
  get(key: string): Row | undefined
  /** Where it is in memory; `undefined` says nothing of the disk. */
  atHand(key: string): Row | undefined
  /** Read beside the event loop, which a disk that hangs does not hold up. */
  find(key: string): Promise<Row | undefined>
  standingOf(row: Row): Standing
  /** Of the answer that a key has no row; `undefined` when nobody can know yet. */
  standingOfAbsence(): Standing | undefined
}

/** A topic of rows, kept in a local view, and followed. */
export class TopicView implements Rows {
  readonly #options: TopicViewOptions
  readonly #view: View
  readonly #follower: Follower
  readonly #stopMeasuring: () => void
  readonly #stopping = new AbortController()

  /** Rejects with a `ViewError`. */
  static async open(options: TopicViewOptions): Promise<TopicView> {
    return new TopicView(options, await openView(options.folder, options.packed))
  }

  private constructor(options: TopicViewOptions, view: View) {
    this.#options = options
    this.#view = view
    this.#follower = new Follower({ ...options, view })
    this.#stopMeasuring = this.#measure()
  }

  get topic(): string {
    return this.#options.topic
  }

  /** What is on the disk and on its way there. */
  get view(): View {
    return this.#view
  }

  start(): void {
    this.#follower.start()
    void fillMemory(this.#view, this.#options.clock, this.#stopping.signal)
  }

  /** Ends following; it answers on, from what it has. */
  stop(): Promise<void> {
    this.#stopping.abort()
    return this.#follower.stop()
  }

  /** After `stop`, if it was started. */
  async close(): Promise<void> {
    this.#stopMeasuring()
    await this.#view.close()
  }

  /** Why not everything is in the view that was in the topic when it was first seen; empty when it is. */
  notReady(): readonly string[] {
    const { caughtUp, missing, reasons } = this.#follower
    return caughtUp || (missing && this.#options.optional === true) ? [] : reasons
  }

  /** What is wrong with its disk; it answers all the same, from what it has. */
  get fault(): string | undefined {
    return this.#view.fault?.message
  }

  get(key: string): Row | undefined {
    return this.#view.newest.get(key)
  }

  atHand(key: string): Row | undefined {
    return this.#view.newest.atHand(key)
  }

  find(key: string): Promise<Row | undefined> {
    return this.#view.newest.find(key)
  }

  /** In the keys' order. */
  findAll(keys: readonly string[]): Promise<(Row | undefined)[]> {
    return this.#view.newest.findAll(keys)
  }

  /** See `View.withPrefix`. */
  withPrefix(prefix: string, limit: number): Promise<[key: string, row: Row][]> {
    return this.#view.withPrefix(prefix, limit)
  }

  /** See `View.members`. */
  members(segment: string, after: string | undefined, limit: number) {
    return this.#view.members(segment, after, limit)
  }

  /** The answer ends it. */
  onChange(listener: ChangeListener): () => void {
    return this.#view.onChange(listener)
  }

  standingOf({ partition }: Row): Standing {
    const { clock, staleMs } = this.#options
    const progress = this.#view.partitions[partition]
    return standingOf(progress, this.#follower.caughtUp, staleMs, clock.now())
  }

  standingOfAbsence(): Standing | undefined {
    const { clock, staleMs } = this.#options
    return standingOfAbsence(this.#view.partitions, this.#follower.caughtUp, staleMs, clock.now())
  }

  /** Of all that the view has: that of its worst partition. */
  standing(): Standing {
    return this.standingOfAbsence() ?? { source: 'stale', ageMs: this.#options.clock.now() }
  }

  #measure(): () => void {
    const { clock, telemetry, topic } = this.#options
    const view = this.#view
    const removals = [
      telemetry.gauge('millrace_view_rows', () => [{ value: view.rows, attributes: { topic } }]),
      telemetry.gauge('millrace_view_lag_records', () =>
        this.#follower.lag.map((value, partition) => ({ value, attributes: { topic, partition } })),
      ),
      telemetry.gauge('millrace_view_age_ms', () =>
        view.partitions.flatMap((progress, partition) => {
          const value = ageMsOf(progress, clock.now())
          return value === undefined ? [] : [{ value, attributes: { topic, partition } }]
        }),
      ),
    ]
    return () => {
      for (const remove of removals) remove()
    }
  }
}
