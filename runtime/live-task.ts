import type { RecordReader } from '../protocol/record-batch.ts'
import type { Store } from '../state/store.ts'
import { Checkpoint } from './checkpoint.ts'
import { Committer } from './committer.ts'
import { IdleTicks } from './idle-ticks.ts'
import { Idleness } from './idleness.ts'
import { Intake } from './intake.ts'
import type { Batch, Producer, Transactor } from './log.ts'
import { Pipeline } from './pipeline.ts'
import { States } from './states.ts'
import { Steps } from './steps.ts'
import { StoreWriter } from './store-writer.ts'
import type { TakenOver } from './takeover.ts'
import type { TaskFigures, TaskOptions } from './task-options.ts'
import { Timers } from './timers.ts'
import { Wake } from './wake.ts'
import { Watermark } from './watermark.ts'

const checkpointMs = 1_000
const tickMs = 1_000
const sliceRecords = 500
/** A job whose functions are slow must not hold up commits. */
const sliceMsMax = 20
const leaveMsMax = 10_000

/** A task after its takeover: it takes events, fires timers, commits, and writes its store, until it is stopped. */
export class LiveTask<State = unknown> {
  readonly #options: TaskOptions<State>
  readonly #store: Store
  readonly #checkpoint: Checkpoint
  readonly #states: States<State>
  readonly #timers: Timers
  readonly #watermark: Watermark
  readonly #pipeline: Pipeline<State>
  readonly #steps: Steps
  readonly #intake: Intake
  readonly #committer: Committer<State>
  readonly #idleness: Idleness
  readonly #idleTicks: IdleTicks
  readonly #storeWriter: StoreWriter
  readonly #wake = new Wake()
  readonly #onFailed: (error: unknown) => void
  #running = false
  #loop: Promise<void> | undefined
  #stopTimers: (() => void)[] = []
  /** Timers may be due: they fire before the next event. */
  #timersDue = true

  constructor(
    options: TaskOptions<State>,
    { store, stored, progress }: TakenOver,
    transactor: Transactor,
    producer: Producer | undefined,
    onFailed: (error: unknown) => void,
  ) {
    const { job, clock, cacheKeysMax } = options
    this.#options = options
    this.#store = store
    this.#checkpoint = new Checkpoint(store, stored)
    this.#states = new States(job, this.#checkpoint, cacheKeysMax, producer !== undefined)
    this.#storeWriter = new StoreWriter(this.#states, clock, ms => {
      options.events.onCheckpoint(ms)
      this.#wake.now() // a full buffer may have held up a commit
    })
    this.#timers = new Timers(store)
    this.#watermark = new Watermark(job.outOfOrdernessMs, progress.watermark)
    const kept = { states: this.#states, timers: this.#timers, watermark: this.#watermark }
    this.#pipeline = new Pipeline({ ...options, ...kept })
    this.#steps = new Steps(progress)
    this.#idleness = new Idleness(clock)
    this.#intake = new Intake(progress, {
      onBatchDone: batch => this.#batchDone(batch),
      onUnreadable: (offset, reason) => this.#pipeline.side.unreadable(offset, reason),
    })
    const made = { ...kept, pipeline: this.#pipeline, intake: this.#intake }
    const told = { onDone: () => this.#wake.now(), onFailed: (error: unknown) => this.#fail(error) }
    this.#committer = new Committer({ options, transactor, producer, ...made, ...told }, progress)
    this.#idleTicks = new IdleTicks({
      options,
      ...made,
      idleness: this.#idleness,
      committer: this.#committer,
    })
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
      bufferBytes: this.#checkpoint.bytes,
      queued: !this.#intake.empty,
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
    this.#loop = this.#guarded(() => this.#run())
  }

  /** Answers whether the batch is taken. */
  offer(batch: Batch): boolean {
    if (!this.#running || !this.#intake.offer(batch)) return false
    this.#wake.now()
    return true
  }

  caughtUp(): void {
    this.#idleness.caughtUp()
  }

  /** Takes no further event; resolves when none is in hand. */
  async stop(): Promise<void> {
    this.#running = false
    this.#storeWriter.stop()
    for (const stop of this.#stopTimers) stop()
    this.#wake.now()
    await this.#loop
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
      for (const step of steps) if (!late.signal.aborted) await step()
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

  /** Fires timers, takes events, starts commits, in turns with input and output. */
  async #run(): Promise<void> {
    while (this.#running) {
      const work = this.#work()
      this.#options.inHand(-1)
      if (work === 'load') await this.#timers.load()
      if (!this.#running) return
      if (!this.#idleTicks.firing) this.#committer.emit()
      this.#commitIfDue()
      if (work === 'wait' && this.#running) await this.#wake.wait()
      else await this.#options.clock.turn()
    }
  }

  /** Takes up to a slice of records. `'wait'`: nothing can be done until a batch comes or a commit ends. */
  #work(): 'more' | 'load' | 'wait' {
    const { clock } = this.#options
    const startedAt = clock.elapsed()
    for (let records = 0; records < sliceRecords; records++) {
      if (records % 16 === 15 && clock.elapsed() - startedAt > sliceMsMax) return 'more'
      if (this.#idleTicks.firing || this.#states.full) return 'wait'
      if (this.#timersDue && this.#watermark.time !== undefined) {
        const fired = this.#pipeline.fireDue(this.#watermark.time)
        if (fired !== 'done') return fired === 'load' ? 'load' : 'wait'
      }
      this.#timersDue = false
      if (this.#steps.active && (!this.#committer.quiet || this.#mustAnnounce())) return 'wait'
      const record = this.#intake.record()
      if (!record) return 'wait'
      this.#take(record)
    }
    return 'more'
  }

  #take(record: RecordReader): void {
    const traced = this.#options.traces?.start(record)
    const before = this.#watermark.time
    if (record.offset === this.#options.poison) this.#pipeline.skip(record, 'kills_lane')
    else if (this.#steps.kills(this.#intake.next)) this.#pipeline.skip(record, 'kills_process')
    else this.#pipeline.take(record)
    traced?.()
    this.#steps.took()
    this.#intake.done(record)
    this.#timersDue = true // also where the watermark stands still: an event from behind it may have set a timer there
    if (this.#watermark.time !== before) this.#idleness.watermarkMoved()
  }

  #batchDone(batch: Batch): void {
    if (batch.records.length > 0) this.#idleness.arrived(this.#intake.appendedAt)
    this.#options.events.onTaken(batch.records.length)
  }

  #mustAnnounce(): boolean {
    return this.#steps.mustAnnounce(this.#intake.next) && !this.#intake.empty
  }

  #commitIfDue(): void {
    if (this.#committer.running || this.#idleTicks.firing || this.#checkpoint.full) return
    const announce = this.#mustAnnounce() && !this.#committer.isDirty
    const hurry = this.#steps.active || this.#states.full || this.#timersDue
    const stepDone = this.#steps.active && this.#committer.isDirty
    if (!announce && !stepDone && !this.#committer.isDue(hurry)) return
    const hand = announce ? this.#intake.next : -1
    if (announce) this.#steps.announce(hand)
    this.#committer.commit({ hand }).catch(() => undefined) // told by onFailed
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
    if (!this.#running) return
    this.#running = false
    this.#wake.now()
    this.#onFailed(error)
  }
}
