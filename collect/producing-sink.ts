import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../runtime/clock.ts'
import { Deadlines } from '../runtime/deadlines.ts'
import { lockFolder } from '../runtime/folder-lock.ts'
import type { Log, TopicSpec } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { KeepByBrokers } from './keep-by-brokers.ts'
import { KeepBySpool } from './keep-by-spool.ts'
import type { Keeper, KeeperOptions } from './keeper.ts'
import { SetAside } from './set-aside.ts'
import { type Sink, SinkFull, type SinkRecord } from './sink.ts'
import { ModeSwitch } from './sink-mode.ts'
import { textOf } from './sink-send.ts'
import { Spool } from './spool.ts'
import { SpoolDrain } from './spool-drain.ts'
import type { SpoolLogger } from './spool-recovery.ts'
import { TopicPartitions } from './topic-partitions.ts'

export interface SinkOptions {
  readonly log: { readonly topics: Pick<Log['topics'], 'create' | 'describe'> } & Pick<
    Log,
    'producer'
  >
  /** All that records go to; created where they do not exist. */
  readonly topics: readonly TopicSpec[]
  /** `<data>/collect/<instance>`: of one process at a time. */
  readonly folder: string
  /** The most that the spool may take on the disk. */
  readonly spoolBytesMax: number
  readonly clock: Clock
  readonly logger: SpoolLogger
  readonly telemetry: Telemetry
  /** The most that records which no topic takes may have on the disk, bytes; 64 MiB when not given. */
  readonly asideBytesMax?: number
  /** The most that may wait in memory, bytes; 64 MiB when not given. */
  readonly memoryBytesMax?: number
  /** Brokers that take longer than this are treated as if they were away; 1,000 when not given. */
  readonly acknowledgeMsMax?: number
  /** What makes a record safe; `brokers` when not given. */
  readonly keptBy?: KeptBy
}

/**
 * - `brokers`: they have acknowledged it.
 * - `spool`: it is in this process' spool, from which it goes to the brokers if it has not by itself.
 */
export type KeptBy = 'brokers' | 'spool'

const MEMORY_BYTES_MAX = 64 * 1024 * 1024
const ACKNOWLEDGE_MS_MAX = 1_000
/** While records are refused, it is said again no more often than so. */
const TELL_AGAIN_MS = 30_000

/**
 * Opens the sink that brings records to Kafka, by way of a spool on the disk while the brokers are away. Waits for
 * the brokers for a moment only. Rejects with a `FolderLocked`, a `SpoolFormat` or the disk's error.
 */
export async function openSink(options: SinkOptions): Promise<Sink> {
  const { folder, clock, logger, spoolBytesMax } = options
  await mkdir(folder, { recursive: true })
  const whose = { whose: "a collector's", remedy: 'give this one another --instance' }
  const unlock = await lockFolder(folder, clock.now(), whose)
  try {
    const spoolOptions = { folder: join(folder, 'spool'), bytesMax: spoolBytesMax, clock, logger }
    const asideOptions = {
      ...options,
      bytesMax: options.asideBytesMax,
      folder: join(folder, 'refused'),
    }
    const aside = await SetAside.open(asideOptions)
    const sink = new ProducingSink(options, await Spool.open(spoolOptions), aside, unlock)
    await sink.opened()
    return sink
  } catch (error) {
    await unlock()
    throw error
  }
}

class ProducingSink implements Sink {
  readonly #options: SinkOptions
  readonly #memoryBytesMax: number
  readonly #acknowledgeMsMax: number
  readonly #deadlines: Deadlines
  readonly #producer: ReturnType<Log['producer']>
  readonly #modes = new ModeSwitch()
  readonly #keeper: Keeper
  readonly #spool: Spool
  readonly #aside: SetAside
  readonly #drain: SpoolDrain
  readonly #unlock: () => Promise<void>
  readonly #kept: Promise<void>
  readonly #removeGauges: readonly (() => void)[]
  #closed: Promise<void> | undefined
  #toldFullAt = Number.NEGATIVE_INFINITY

  constructor(options: SinkOptions, spool: Spool, aside: SetAside, unlock: () => Promise<void>) {
    const { log, topics } = options
    this.#options = options
    this.#memoryBytesMax = options.memoryBytesMax ?? MEMORY_BYTES_MAX
    this.#acknowledgeMsMax = options.acknowledgeMsMax ?? ACKNOWLEDGE_MS_MAX
    this.#deadlines = new Deadlines(options.clock)
    this.#producer = log.producer()
    this.#spool = spool
    this.#aside = aside
    this.#unlock = unlock
    const partitions = new TopicPartitions(topics, log.topics)
    const common = {
      ...{ ...options, spool, partitions, modes: this.#modes, producer: this.#producer },
      ...{ acknowledgeMsMax: this.#acknowledgeMsMax, deadlines: this.#deadlines },
    }
    const keeperOptions: KeeperOptions = {
      ...common,
      drain: unsettled => this.#drain.start(unsettled),
      refused: (full, records) => this.#refused(full, records),
    }
    const Kept = options.keptBy === 'spool' ? KeepBySpool : KeepByBrokers
    const keeper = new Kept(keeperOptions)
    this.#keeper = keeper
    this.#drain = new SpoolDrain({ ...common, aside, spooled: () => keeper.spooled() })
    this.#removeGauges = this.#measure()
    this.#drain.start(undefined)
    this.#kept = keeper.run()
  }

  /** Resolves when records go to the brokers, or soon after where they do not. */
  async opened(): Promise<void> {
    const { logger } = this.#options
    const records = this.#spool.records
    if (records > 0) logger.info({ records }, 'what an earlier process spooled is being drained')
    const live = this.#modes.not('spooling').then(() => this.#modes.not('returning'))
    if ((await this.#deadlines.within(live, this.#acknowledgeMsMax)) === 'late')
      logger.warn({}, 'events go to the spool, until the brokers answer and it is drained')
  }

  put(records: readonly SinkRecord[]): Promise<void> {
    const full = this.#full(records)
    if (full === undefined) return this.#keeper.put(records)
    this.#refused(full, records.length)
    return Promise.reject(full)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#keeper.close()
    this.#drain.stop()
    await this.#kept
    await this.#producer.close()
    await this.#drain.ended()
    this.#deadlines.close()
    await this.#spool.tidy()
    await this.#spool.close()
    await this.#aside.close()
    for (const remove of this.#removeGauges) remove()
    await this.#unlock()
  }

  /** Why these records cannot even wait. */
  #full(records: readonly SinkRecord[]): SinkFull | undefined {
    if (this.#closed !== undefined)
      return new SinkFull('closed', 'this collector is about to end: try again', 5)
    const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), this.#keeper.bytes)
    if (bytes > this.#memoryBytesMax)
      return new SinkFull('memory_full', 'more events come than can be kept: try again', 1)
    const away = this.#modes.mode === 'spooling'
    return away && !this.#spool.hasRoom(bytes) ? this.#spool.full() : undefined
  }

  #refused(full: SinkFull, records: number): void {
    const { clock, logger, telemetry } = this.#options
    telemetry.add('millrace_collect_refused_records', records, { reason: full.code })
    if (clock.elapsed() - this.#toldFullAt < TELL_AGAIN_MS) return
    this.#toldFullAt = clock.elapsed()
    const cause = full.cause === undefined ? {} : { cause: textOf(full.cause) }
    logger.error({ code: full.code, ...cause }, `events are refused: ${full.message}`)
  }

  #measure(): readonly (() => void)[] {
    const { telemetry } = this.#options
    const spool = this.#spool
    const gauge = (name: SinkGauge, read: () => number) =>
      telemetry.gauge(name, () => [{ value: read() }])
    return [
      gauge('millrace_collect_waiting_bytes', () => this.#keeper.bytes),
      gauge('millrace_collect_spool_bytes', () => spool.bytes),
      gauge('millrace_collect_spool_records', () => spool.records),
      gauge('millrace_collect_spool_age_seconds', () => spool.ageMs / 1_000),
    ]
  }
}

type SinkGauge =
  | 'millrace_collect_waiting_bytes'
  | 'millrace_collect_spool_bytes'
  | 'millrace_collect_spool_records'
  | 'millrace_collect_spool_age_seconds'
