import type { Keeper, KeeperOptions } from './keeper.ts'
import { SentLedger } from './sent-ledger.ts'
import { SinkFull, type SinkRecord } from './sink.ts'
import type { SinkBatch } from './sink-batch.ts'
import type { SinkMode } from './sink-mode.ts'
import { SinkQueue } from './sink-queue.ts'
import { sayAway, send, textOf } from './sink-send.ts'
import type { UnsettledSend } from './spool-drain.ts'
import type { SpoolPart } from './spool-position.ts'

/** Answers wait for a write, so it follows the one before at once; what has come meanwhile goes together. */
const WRITE_EVERY_MS = 0
/** Nobody waits for a send, and a larger one costs less. */
const SEND_EVERY_MS = 10
const TIDY_EVERY_MS = 10_000
/** The brokers are slower than what comes: it goes by the disk until they have caught up. */
const BEHIND_BYTES = 16 * 1024 * 1024

/**
 * Records are safe when they are in the spool, in whatever mode. While it is `live` they go to the brokers from memory,
 * too, without a way over the disk, and the spool only forgets them. Until then they outlive this process; the disk is
 * told to keep them for good (`sync`) when the brokers do not take them.
 */
export class KeepBySpool implements Keeper {
  readonly #options: KeeperOptions
  readonly #writes: SinkQueue
  readonly #sends: SinkQueue
  /** Of batches that wait: the ledger of the time in which they were put; none for those that only the spool gets. */
  readonly #ledgers = new WeakMap<SinkBatch, SentLedger | undefined>()
  #ledger: SentLedger | undefined
  /** Batches of `#writes`. */
  #begun = 0
  #written = 0
  #wake: (() => void)[] = []
  #diskRefuses = false

  constructor(options: KeeperOptions) {
    this.#options = options
    const noted = (batch: SinkBatch) => this.#ledgers.set(batch, this.#ledger)
    this.#writes = new SinkQueue({
      ...{ clock: options.clock, everyMs: WRITE_EVERY_MS, partitions: { of: () => 0 } },
      begins: batch => {
        this.#begun++
        noted(batch)
      },
    })
    const begins = (batch: SinkBatch) => {
      this.#writes.cut() // so that what a send acknowledges is whole parts of the spool
      noted(batch)
    }
    this.#sends = new SinkQueue({ ...options, everyMs: SEND_EVERY_MS, begins })
    options.modes.onChange = mode => this.#changed(mode)
  }

  get bytes(): number {
    return this.#writes.bytes + this.#sends.bytes
  }

  put(records: readonly SinkRecord[]): Promise<void> {
    if (this.#ledger === undefined) return this.#writes.add(records)
    return this.#writes.add(records, record => this.#sends.push([record]))
  }

  async spooled(): Promise<void> {
    const begun = this.#begun
    while (this.#written < begun) await new Promise<void>(resolve => this.#wake.push(resolve))
  }

  async run(): Promise<void> {
    const stopTidying = this.#options.clock.every(TIDY_EVERY_MS, () => this.#tidy())
    try {
      await Promise.all([this.#writeAll(), this.#sendAll()])
    } finally {
      stopTidying()
    }
  }

  close(): void {
    this.#writes.close()
    this.#sends.close()
  }

  /** What the brokers have does not stay on the disk until a file is full, which may take days. */
  async #tidy(): Promise<void> {
    const { modes, spool } = this.#options
    if (modes.mode === 'live' && spool.records === 0) await spool.tidy()
  }

  #changed(mode: SinkMode): void {
    if (mode === 'live') return
    this.#ledger?.end()
    this.#ledger = mode === 'returning' ? new SentLedger() : undefined
    this.#sends.clear()
    this.#writes.cut()
  }

  async #writeAll(): Promise<void> {
    for (;;) {
      const batch = await this.#writes.next()
      if (batch === undefined) return
      await this.#write(batch)
      this.#written++
      for (const resolve of this.#wake.splice(0)) resolve()
    }
  }

  async #write(batch: SinkBatch): Promise<void> {
    const { clock, telemetry, spool, modes } = this.#options
    const ledger = await this.#ledgerOf(batch)
    const isLive = modes.mode === 'live'
    try {
      const part = await spool.append(batch.frames(clock.now(), { copied: false }), {
        synced: !isLive,
      })
      if (!isLive) telemetry.add('millrace_collect_spooled_records', batch.records)
      if (isLive && modes.mode !== 'live') await this.#sync()
      this.#diskRefuses = false
      this.#writes.safe(batch, { done: true })
      this.#pass(ledger?.spooled(batch.records, part))
    } catch (error) {
      if (!(error instanceof SinkFull)) throw error
      const refused = () => this.#refused(batch, error)
      if (ledger === undefined || ledger !== this.#ledger) return refused()
      this.#sayRefused(error)
      const safe = () => this.#writes.safe(batch)
      this.#pass(ledger.unspooled(batch.records, { safe, refused }))
    }
  }

  async #sendAll(): Promise<void> {
    const { modes } = this.#options
    for (;;) {
      const batch = await this.#sends.next()
      if (batch === undefined) return
      const ledger = await this.#ledgerOf(batch)
      let done = true
      if (ledger !== undefined && ledger === this.#ledger && modes.mode === 'live')
        done = await this.#send(batch, ledger)
      this.#sends.safe(batch, { done })
    }
  }

  /** Answers false where the send may still be under way. */
  async #send(batch: SinkBatch, ledger: SentLedger): Promise<boolean> {
    const { telemetry } = this.#options
    if (!batch.placed) {
      await this.#spoolOnly(undefined)
      return true
    }
    const sent = send(batch, this.#options)
    const outcome = await sent.outcome
    if (outcome !== true) {
      sayAway(outcome, sent, this.#options)
      const pass = async () => {
        await this.spooled()
        return this.#pass(ledger.acknowledged(batch.records))
      }
      await this.#spoolOnly({ acknowledged: sent.acknowledged, pass })
      return false
    }
    telemetry.add('millrace_collect_produced_records', batch.records)
    this.#pass(ledger.acknowledged(batch.records))
    if (this.#sends.bytes - batch.bytes > BEHIND_BYTES) {
      this.#options.logger.warn(
        {},
        'events come faster than the brokers take them: they go to the spool',
      )
      await this.#spoolOnly(undefined)
    }
    return true
  }

  /** Nothing goes to the brokers from memory until the spool is drained. */
  async #spoolOnly(unsettled: UnsettledSend | undefined): Promise<void> {
    const { modes, drain } = this.#options
    modes.set('spooling')
    await this.#sync()
    drain(unsettled)
  }

  /** Should it fail, the next append says so, too, to whoever waits for that. */
  async #sync(): Promise<void> {
    const { spool, logger } = this.#options
    await spool.sync().catch(error => logger.warn({ error }, 'the spool could not be synced'))
  }

  /** Waits until it is clear which way the batch goes. */
  async #ledgerOf(batch: SinkBatch): Promise<SentLedger | undefined> {
    const { modes } = this.#options
    const ledger = this.#ledgers.get(batch)
    while (ledger !== undefined && ledger === this.#ledger && modes.mode === 'returning')
      await modes.changed()
    return ledger
  }

  #pass(part: SpoolPart | undefined): number {
    if (part === undefined) return 0
    this.#options.spool.pass(part)
    return part.records
  }

  #sayRefused(error: SinkFull): void {
    if (this.#diskRefuses) return
    this.#diskRefuses = true
    const message = "the spool's disk refuses: events are answered when the brokers have them"
    this.#options.logger.warn({ reason: textOf(error.cause) }, message)
  }

  #refused(batch: SinkBatch, error: SinkFull): void {
    this.#options.refused(error, batch.records)
    this.#writes.refused(batch, error)
  }
}
