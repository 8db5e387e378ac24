import type { Store } from '../state/store.ts'
import { Checkpoint } from './checkpoint.ts'
import { Committer } from './committer.ts'
import { Forwarder } from './forwarder.ts'
import { IdleTicks } from './idle-ticks.ts'
import { Idleness } from './idleness.ts'
import { Intake } from './intake.ts'
import type { Batch, Producer, Transactor } from './log.ts'
import { Pipeline } from './pipeline.ts'
import { Sources } from './sources.ts'
import { States } from './states.ts'
import { Steps } from './steps.ts'
import { StoreWriter } from './store-writer.ts'
import type { TakenOver } from './takeover.ts'
import type { LiveOptions, TaskFigures } from './task-options.ts'
import { Timers } from './timers.ts'
import { Turns } from './turns.ts'
import { Wake } from './wake.ts'
import { Watermark } from './watermark.ts'

const checkpointMs = 1_000
const tickMs = 1_000
const leaveMsMax = 10_000

/** A task after its takeover: it takes events, fires timers, commits, and writes its store, until it is stopped. */
export class LiveTask<State = unknown> {
  readonly #options: LiveOptions<State>
  readonly #store: Store
  readonly #checkpoint: Checkpoint
  readonly #states: States<State>
  readonly #watermark: Watermark
  readonly #pipeline: Pipeline<State>
  readonly #intake: Intake
  readonly #committer: Committer<State>
  readonly #idleness: Idleness
  readonly #idleTicks: IdleTicks
  readonly #turns: Turns
  readonly #storeWriter: StoreWriter
  readonly #forwarder: Forwarder | undefined
  readonly #wake = new Wake()
  readonly #onFailed: (error: unknown) => void
  #running = false
  #failed = false
  #loop: Promise<void> | undefined
  #stopTimers: (() => void)[] = []

  constructor(
    options: LiveOptions<State>,
    { store, stored, progress }: TakenOver,
    transactor: Transactor,
    producer: Producer | undefined,
    onFailed: (error: unknown) => void,
  ) {
    const { job, clock, cache } = options
    this.#options = options
    this.#store = store
    this.#checkpoint = new Checkpoint(store, stored, cache.packed)
    this.#states = new States(job, this.#checkpoint, cache, producer !== undefined)
    this.#storeWriter = new StoreWriter(this.#states, clock, ms => {
      options.events.onCheckpoint(ms)
      this.#wake.now() // a full buffer may have held up a commit
    })
    this.#watermark = new Watermark(
      job.outOfOrdernessMs,
      progress.watermark,
      new Sources(progress, progress.sources === 'in-marker' ? undefined : progress.sources),
    )
    const kept = { states: this.#states, timers: new Timers(store), watermark: this.#watermark }
    this.#pipeline = new Pipeline({ ...options, ...kept })
    this.#idleness = new Idleness(clock)
    this.#intake = new Intake(progress, {
      onBatchDone: batch => this.#turns.batchDone(batch),
      onUnreadable: (offset, reason) => this.#pipeline.side.unreadable(offset, reason),
    })
    const steps = new Steps(progress, options.witness)
    const made = { ...kept, pipeline: this.#pipeline, intake: this.#intake, steps }
    const told = { onDone: () => this.#wake.now(), onFailed: (error: unknown) => this.#fail(error) }
    this.#committer = new Committer({ options, transactor, producer, ...made, ...told }, progress)
    const all = { options, ...made, idleness: this.#idleness, committer: this.#committer }
    this.#idleTicks = new IdleTicks(all)
    this.#turns = new Turns({
      ...all,
      checkpoint: this.#checkpoint,
      idleTicks: this.#idleTicks,
      wake: this.#wake,
    })
    if (job.rekeys !== undefined) this.#forwarder = new Forwarder({ ...options, ...told })
    this.#onFailed = onFailed
  }

  get next() {
    return this.#intake.next
  }

  get figures(): TaskFigures {
    return {
      counts: this.#pipeline.counts,
      next: this.#intake.next,
      watermark: this.#watermark.time,
      appendedAt: this.#intake.appendedAt,
      generation: this.#committer.committed.generation,
      cachedKeys: this.#states.cached,
      storeReads: this.#checkpoint.storeReads,
      bufferBytes: this.#checkpoint.bytes,
      queued: !this.#intake.empty,
      trouble: this.#turns.trouble,
      forwards: this.#forwarder?.figures,
    }
  }

  storeBytes(): Promise<number> {
    return this.#store.sizeBytes()
  }

  /** Commits that the partition has an owner: the last act of a takeover. */
  own(): Promise<void> {
    return this.#committer.commit()
  }

  start(): void {
    const { clock } = this.#options
    this.#running = true
    this.#stopTimers = [
      clock.every(checkpointMs, () => this.#guarded(() => this.#storeWriter.write())),
      clock.every(tickMs, () => this.#guarded(() => this.#everySecond())),
    ]
    this.#loop = this.#guarded(() => this.#turns.run(() => this.#running))
    this.#forwarder?.start()
  }

  /** Answers whether the batch is taken. */
  offer(batch: Batch): boolean {
    if (!this.#running || !this.#intake.offer(batch)) return false
    this.#wake.now()
    return true
  }

  caughtUp(): void {
    // Records that have waited here for long would look like those of a broker whose clock is wrong.
    if (this.#intake.empty) this.#idleness.caughtUp()
  }

  /** Takes no further event; resolves when none is in hand. */
  async stop(): Promise<void> {
    this.#running = false
    this.#storeWriter.stop()
    for (const stop of this.#stopTimers) stop()
    this.#wake.now()
    await Promise.all([this.#loop, this.#forwarder?.stop({ clean: !this.#failed })])
  }

  /**
   * Commits what there is, says that the owner left in order, and writes all to the store. Bounded in time:
   * what has not begun by then does not begin any more.
   */
  async leave(): Promise<void> {
    const late = new AbortController()
    const steps = [
      () => this.#committer.running,
      () => this.#committer.commit({ clean: true }),
      () => this.#storeWriter.writeAll(),
    ]
    const left = async () => {
      // What failed while it was being stopped has failed for good.
      for (const step of steps) if (!late.signal.aborted && !this.#failed) await step()
    }
    // Fenced or cut off while leaving: what is committed is committed, and the next owner goes on from there.
    await Promise.race([left().catch(() => undefined), this.#options.clock.sleep(leaveMsMax)])
    late.abort()
  }

  /** After `stop`, and after the transactor was closed. Nothing touches the store afterwards. */
  async close(): Promise<void> {
    await this.#committer.settled()
    await this.#storeWriter.settled()
    await this.#store.close()
  }

  async #everySecond(): Promise<void> {
    this.#wake.now() // a commit that only moves the offset may be due
    if (this.#running && this.#idleTicks.due) await this.#idleTicks.fire(() => this.#running)
    this.#wake.now()
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#failed = true
    if (!this.#running) return
    this.#running = false
    this.#wake.now()
    this.#onFailed(error)
  }
}
