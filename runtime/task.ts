import { CodecError } from '../state/codec.ts'
import { breakableLog } from './breakable-log.ts'
import type { FeatureChanges } from './feature-begins.ts'
import { LiveTask } from './live-task.ts'
import type { Batch, NextOffset, Producer, Transactor } from './log.ts'
import { outputTopics } from './outputs.ts'
import { takeOver } from './takeover.ts'
import type { TaskFigures, TaskOptions } from './task-options.ts'
import type { Witness } from './witness.ts'

const transactionMsMax = 30_000

type Phase = 'new' | 'taking-over' | 'live' | 'refused' | 'failed' | 'closed'

/**
 * One input partition of a job, with its state: the unit of ownership, recovery and fencing.
 *
 *     new ─▶ taking-over ─▶ live ─▶ failed
 *                 │          └────▶ refused
 *                 └───────────────▶ refused        and from every phase to closed
 *
 * A task is used once: taking it over again makes a new one.
 */
export class Task<State = unknown> {
  readonly #options: TaskOptions<State>
  readonly #closing = new AbortController()
  readonly #transactor: Transactor
  readonly #producer: Producer | undefined
  #phase: Phase = 'new'
  #live: LiveTask<State> | undefined
  #witness: Witness | undefined
  #changes: FeatureChanges = { begun: [], vanished: [] }

  constructor(options: TaskOptions<State>) {
    const { job, partition, log, mode } = options
    this.#options = options
    this.#transactor = log.transactor({
      transactionalId: `${job.name}-${partition}`,
      timeoutMs: transactionMsMax,
    })
    this.#producer = mode === 'at-least-once' ? log.producer() : undefined
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Of a live task. */
  get figures(): TaskFigures | undefined {
    return this.#phase === 'live' ? this.#live?.figures : undefined
  }

  /** Of features with this takeover, in a job that was there before. */
  get changes(): FeatureChanges {
    return this.#changes
  }

  async storeBytes(): Promise<number> {
    return this.#phase === 'live' ? ((await this.#live?.storeBytes()) ?? 0) : 0
  }

  /**
   * Fences, brings the store up to what is committed, commits that it owns the partition, and goes live.
   * Answers where the input is to be read from. Rejects with a `TaskRefused` or a `LogError`.
   */
  async takeOver(): Promise<NextOffset> {
    this.#phase = 'taking-over'
    try {
      const { signal } = this.#closing
      this.#witness = this.#options.openWitness?.()
      const taken = await takeOver({
        ...this.#options,
        log: breakableLog(this.#options.log, signal),
        transactor: this.#transactor,
        signal,
        handAtDeath: this.#witness?.left,
        onRestore: this.#options.events.onRestore,
      })
      this.#changes = { begun: taken.begun, vanished: taken.vanished }
      const onFailed = (error: unknown) => this.#fail(error)
      this.#live = new LiveTask(
        { ...this.#options, witness: this.#witness },
        ...([taken, this.#transactor, this.#producer, onFailed] as const),
      )
      await this.#live.own()
    } catch (error) {
      if (this.#phase === 'taking-over') this.#phase = 'refused'
      throw error
    }
    if (!this.#closing.signal.aborted) {
      this.#phase = 'live'
      this.#live.start()
    }
    return this.#live.next
  }

  offer(batch: Batch): void {
    const taken = this.#phase === 'live' && this.#live?.offer(batch)
    if (!taken) this.#options.events.onTaken(batch.records.length) // done with, as far as its queue goes
  }

  /** The reader stands at the partition's end, and nothing came. */
  caughtUp(): void {
    this.#live?.caughtUp()
  }

  /** Breaks off a takeover that is under way; `close` follows. */
  abortTakeover(): void {
    if (this.#phase !== 'taking-over') return
    this.#closing.abort()
    void this.#transactor.close()
  }

  /** For a refused task: its offset, as it is, so that Kafka does not forget it. */
  async renew(): Promise<void> {
    const { log, job, partition } = this.#options
    const { commits } = outputTopics(job.name)
    const [committed] = await log.committed(commits, job.input, [partition])
    if (this.#phase !== 'refused' || !committed) return
    const transaction = this.#transactor.begin()
    await transaction.sendOffsets(commits, job.input, partition, committed)
    await transaction.commit()
  }

  /**
   * Ends the task; nothing of it touches the store or the log afterwards. With `clean` it first commits what
   * it has, says that its owner left in order, and writes all to the store; bounded by ten seconds.
   */
  async close({ clean }: { clean: boolean }): Promise<void> {
    const leaves = clean && this.#phase === 'live'
    this.#phase = 'closed'
    this.#closing.abort()
    await this.#live?.stop()
    if (leaves) await this.#live?.leave()
    await this.#transactor.close()
    await this.#producer?.close()
    await this.#live?.close()
    this.#witness?.close()
  }

  #fail(error: unknown): void {
    if (this.#phase !== 'live') return
    this.#phase = error instanceof CodecError ? 'refused' : 'failed' // the log is well: its offset is renewed
    this.#options.events.onFailed(error instanceof Error ? error : new Error(String(error)))
  }
}
