import { RecordReader } from '../protocol/record-batch.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Deadlines } from '../runtime/deadlines.ts'
import { LogError, type Producer, RecordsRefused } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { SetAside } from './set-aside.ts'
import { PARTITION_BYTES_MAX, SinkBatch } from './sink-batch.ts'
import type { ModeSwitch } from './sink-mode.ts'
import { send, textOf, unless } from './sink-send.ts'
import type { Spool, SpoolRead } from './spool.ts'
import type { SpoolLogger } from './spool-recovery.ts'
import type { TopicPartitions } from './topic-partitions.ts'

export interface DrainOptions {
  readonly spool: Spool
  /** Where a record goes that its topic will never take. */
  readonly aside: SetAside
  readonly producer: Producer
  readonly partitions: TopicPartitions
  readonly modes: ModeSwitch
  /** Resolves when all is in the spool that was put before the mode became `returning`. */
  readonly spooled: () => Promise<void>
  readonly acknowledgeMsMax: number
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly logger: SpoolLogger
  readonly telemetry: Telemetry
}

/** A send that was given up, whose records lie at the very start of the spool. */
export interface UnsettledSend {
  readonly acknowledged: Promise<boolean>
  /** They are done: lets the spool go on behind them, and answers how many they are. */
  readonly pass: () => Promise<number>
}

/** So little is left that new records may wait for it in memory. */
const HANDOFF_BYTES = 1024 * 1024
const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 5_000

/** Brings the spool's records to the brokers, in order, and then lets new ones go there by themselves again. */
export class SpoolDrain {
  readonly #options: DrainOptions
  readonly #stopped = new AbortController()
  /** The brokers refused a batch, maybe for its size: records go one by one. */
  #single = false
  /** Of the records that the next read begins with, those that the brokers have: they are not sent again. */
  #acknowledged = 0
  /** That were acknowledged. */
  #sends = 0
  #running: Promise<void> = Promise.resolve()

  constructor(options: DrainOptions) {
    this.#options = options
  }

  /**
   * Begins, in mode `spooling`. What was in flight when the brokers went is waited for first: its producer goes on
   * trying, under the same sequence number; when it succeeds, its records are not sent again from the spool.
   */
  start(unsettled: UnsettledSend | undefined): void {
    this.#running = this.#run(unsettled)
  }

  stop(): void {
    this.#stopped.abort()
    if (this.#options.modes.mode === 'returning') this.#options.modes.set('spooling')
  }

  /** Resolves when it has stopped; what it has asked of the producer must be given up before. */
  ended(): Promise<void> {
    return this.#running
  }

  async #run(unsettled: UnsettledSend | undefined): Promise<void> {
    const { signal } = this.#stopped
    const { partitions, modes, clock, logger, telemetry } = this.#options
    const startedAt = clock.elapsed()
    if (unsettled !== undefined) {
      const acknowledged = await unless(signal, unsettled.acknowledged)
      if (acknowledged === true)
        telemetry.add('millrace_collect_drained_records', await unsettled.pass())
    }
    for (let failures = 0; !signal.aborted; ) {
      const before = this.#sends
      try {
        if ((await unless(signal, partitions.look())) === 'stopped') return
        await this.#drainAll()
        if (modes.mode !== 'live') return
        const seconds = Math.round((clock.elapsed() - startedAt) / 1_000)
        if (unsettled !== undefined) logger.info({ seconds }, 'events go to the brokers again')
        return
      } catch (error) {
        if (signal.aborted) return
        if (modes.mode === 'returning') modes.set('spooling')
        logger.warn({ reason: textOf(error) }, 'the spool cannot be drained yet; trying again')
        failures = this.#sends > before ? 0 : failures + 1
        await clock.sleep(Math.min(RETRY_MS_MIN * 2 ** failures, RETRY_MS_MAX), signal)
      }
    }
  }

  async #drainAll(): Promise<void> {
    const { spool, partitions, modes, telemetry } = this.#options
    while (!this.#stopped.signal.aborted) {
      if (modes.mode === 'spooling' && spool.bytesLeft <= HANDOFF_BYTES) {
        modes.set('returning')
        await this.#options.spooled()
      }
      const read = await spool.read(PARTITION_BYTES_MAX)
      if (read === undefined) {
        if (modes.mode === 'returning') return modes.set('live')
        continue
      }
      for (const topic of new Set(read.frames.map(frame => frame.topic)))
        await partitions.lookAt(topic)
      for (const batch of this.#batches(read)) await this.#send(batch)
      this.#single = false
      this.#acknowledged = 0
      await spool.advance(read)
      telemetry.add('millrace_collect_drained_records', read.records)
    }
  }

  /** Rejects with why the brokers did not take it; a record that they never will is set aside. */
  async #send(batch: SinkBatch): Promise<void> {
    const { modes, aside } = this.#options
    const sent = send(batch, this.#options)
    let outcome = await sent.outcome
    if (outcome === 'late') {
      if (modes.mode === 'returning') modes.set('spooling')
      outcome = await sent.acknowledged
    }
    const fault = sent.fault()
    this.#single ||= fault instanceof LogError && fault.code === 'refused'
    const hopeless = batch.records === 1 && fault instanceof RecordsRefused
    if (!outcome && !(hopeless && (await aside.keep(batch, fault)))) throw fault
    this.#acknowledged += batch.records
    this.#sends++
  }

  #batches({ frames }: SpoolRead): SinkBatch[] {
    const { partitions } = this.#options
    const batches: SinkBatch[] = []
    let batch: SinkBatch | undefined
    let skip = this.#acknowledged
    for (const { topic, batch: bytes } of frames) {
      const reader = new RecordReader(bytes)
      while (reader.next()) {
        if (skip-- > 0) continue
        const key = reader.key()
        const partition = partitions.of(topic, key) ?? 0
        const headers = reader.hasHeaders() ? { headers: reader.headers() } : {}
        const record = { key, value: reader.value(), ...headers }
        if (!this.#single && batch?.add(topic, partition, record)) continue
        batch = new SinkBatch()
        batch.add(topic, partition, record)
        batches.push(batch)
      }
    }
    return batches
  }
}
