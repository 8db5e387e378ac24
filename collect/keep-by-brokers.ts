import type { Keeper, KeeperOptions } from './keeper.ts'
import { SinkFull, type SinkRecord } from './sink.ts'
import type { SinkBatch } from './sink-batch.ts'
import { SinkQueue } from './sink-queue.ts'
import { type Send, sayAway, send } from './sink-send.ts'
import type { SpoolPart } from './spool-position.ts'

/** Answers wait for a send, so it follows the one before at once; what has come meanwhile goes together. */
const SEND_EVERY_MS = 0

/** Records are safe when the brokers have acknowledged them; while those are away, when they are in the spool. */
export class KeepByBrokers implements Keeper {
  readonly #options: KeeperOptions
  readonly #queue: SinkQueue

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#queue = new SinkQueue({ ...options, everyMs: SEND_EVERY_MS })
  }

  get bytes(): number {
    return this.#queue.bytes
  }

  put(records: readonly SinkRecord[]): Promise<void> {
    return this.#queue.add(records)
  }

  /** Nothing is put into the spool in that mode. */
  spooled(): Promise<void> {
    return this.#options.spool.settled()
  }

  async run(): Promise<void> {
    for (;;) {
      const batch = await this.#queue.next()
      if (batch === undefined) return
      await this.#keep(batch)
    }
  }

  close(): void {
    this.#queue.close()
  }

  /** To the brokers, or else to the disk. */
  async #keep(batch: SinkBatch): Promise<void> {
    const { modes, spool, drain } = this.#options
    await modes.not('returning')
    const wasLive = modes.mode === 'live'
    const sent = wasLive && batch.placed ? await this.#toBrokers(batch) : undefined
    if (sent === 'acknowledged') return
    modes.set('spooling')
    const part = await this.#toSpool(batch)
    if (!wasLive) return
    const pass = async () => {
      if (part === undefined) return 0
      await spool.advance(part)
      return part.records
    }
    drain(sent && { acknowledged: sent.acknowledged, pass })
  }

  /** The send, where it has failed or may still be under way. */
  async #toBrokers(batch: SinkBatch): Promise<Send | 'acknowledged'> {
    const { telemetry } = this.#options
    const sent = send(batch, this.#options)
    const outcome = await sent.outcome
    if (outcome !== true) {
      sayAway(outcome, sent, this.#options)
      return sent
    }
    telemetry.add('millrace_collect_produced_records', batch.records)
    this.#queue.safe(batch, { done: true })
    return 'acknowledged'
  }

  /** `undefined` where the disk did not take it, so that its senders must try again. */
  async #toSpool(batch: SinkBatch): Promise<SpoolPart | undefined> {
    const { clock, telemetry, spool, refused } = this.#options
    try {
      const part = await spool.append(batch.frames(clock.now(), { copied: true }))
      telemetry.add('millrace_collect_spooled_records', batch.records)
      this.#queue.safe(batch)
      return part
    } catch (error) {
      if (!(error instanceof SinkFull)) throw error
      refused(error, batch.records)
      this.#queue.refused(batch, error)
      return undefined
    }
  }
}
