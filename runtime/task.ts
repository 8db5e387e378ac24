import type { Job } from '../jobs/job.ts'
import { RecordReader } from '../protocol/record-batch.ts'
import type { Store } from '../state/store.ts'
import { Checkpoint } from './checkpoint.ts'
import type { Clock } from './clock.ts'
import { type FrozenCommit, freezeCommit, runCommit } from './commit.ts'
import {
  type Batch,
  type Log,
  type NextOffset,
  nextOffset,
  type Producer,
  type Transactor,
} from './log.ts'
import { featureRow, outputTopics } from './outputs.ts'
import { type Counts, Pipeline } from './pipeline.ts'
import type { CommittedProgress, Progress } from './progress.ts'
import { States } from './states.ts'
import { Steps } from './steps.ts'
import { type TakenOver, takeOver } from './takeover.ts'
import { Timers } from './timers.ts'
import { Watermark } from './watermark.ts'

export type Mode = 'exactly-once' | 'at-least-once'

export interface TaskOptions<State = unknown> {
  readonly job: Job<State>
  readonly partition: number
  readonly partitions: number
  readonly era: number
  readonly acceptLoss: boolean
  readonly mode: Mode
  /** The generation of the job that this process began with; `undefined` before its first takeover. */
  readonly generation: number | undefined
  /** The last owner was this same process, alive: its end was no death. */
  readonly sameOwner: boolean
  /** An input offset that was in hand when the lane died, twice: dead-lettered unprocessed. */
  readonly poison: number | undefined
  readonly log: Log
  readonly clock: Clock
  readonly openStore: () => Promise<Store>
  readonly newHistory: () => string
  readonly cacheKeysMax: number
  /** Told the offset in hand before it is touched, and -1 when nothing is. */
  readonly inHand: (offset: number) => void
  readonly events: TaskEvents
}

export interface TaskEvents {
  /** So many bytes of batches are done. */
  onTaken(bytes: number): void
  onRestore(done: number, total: number): void
  onCommit(commit: { ms: number; rows: number; latenciesMs: readonly number[] }): void
  onCheckpoint(ms: number): void
  /** The task has stopped by itself; close it, and judge by the error what comes next. */
  onFailed(error: Error): void
}

/** What a task shows of itself. */
export interface TaskFigures {
  readonly counts: Counts
  readonly next: NextOffset
  /** Epoch ms of event time. */
  readonly watermark: number | undefined
  /** Append time of the newest record taken, epoch ms; -1 before the first. */
  readonly appendedAt: number
  readonly generation: number
  readonly cachedKeys: number
  readonly bufferBytes: number
  /** Whether batches wait in the lane. */
  readonly queued: boolean
}

const transactionMsMax = 30_000
/** While input waits, a commit is not begun sooner than this after the last: larger ones cost less per event. */
const busyCommitMs = 300
/** A commit that only moves the offset may wait so long. */
const offsetCommitMs = 1_000
/** Kafka forgets the offsets of a group without members after seven days. */
const renewalMs = 3_600_000
const checkpointMs = 1_000
/** A caught-up task whose watermark has not moved for so long is idle. */
const idleMs = 5_000
const caughtUpMsMax = 3_000
const skewMsMax = 5 * 60_000
const sliceRecords = 500
const latencySamplesMax = 50
const leaveMsMax = 10_000

type Phase = 'new' | 'taking-over' | 'live' | 'refused' | 'failed' | 'closed'

/**
 * One input partition of a job, with its state: the unit of ownership, recovery and fencing.
 *
 *     new ─▶ taking-over ─▶ live ─▶ failed
 *                 └───────▶ refused                and from every phase to closed
 *
 * A task is used once: taking it over again makes a new one.
 */
export class Task<State = unknown> {
  readonly #options: TaskOptions<State>
  readonly #closing = new AbortController()
  readonly #transactor: Transactor
  readonly #producer: Producer | undefined
  readonly #queue: Batch[] = []
  #phase: Phase = 'new'
  #loop: Promise<void> | undefined
  #wake: (() => void) | undefined
  #stopTimers: (() => void)[] = []

  // What a takeover makes.
  #store: Store | undefined
  #checkpoint!: Checkpoint
  #states!: States<State>
  #timers!: Timers
  #watermark!: Watermark
  #pipeline!: Pipeline<State>
  #steps!: Steps
  /** What is committed. */
  #committed!: CommittedProgress

  // Where the task stands in its input.
  #current: { batch: Batch; records: RecordReader } | undefined
  #next: NextOffset = nextOffset(0)
  #last = -1
  #appendedAt = -1
  /** Timers may be due: they fire before the next event. */
  #timersDue = true

  // What is under way.
  #commit: Promise<void> | undefined
  #commitStartedAt = 0
  #emission: Promise<void> | undefined
  #checkpointing: Promise<void> = Promise.resolve()
  /** The wall clock is firing timers; no event is taken meanwhile. */
  #ticking = false

  // What tells whether it is idle.
  #caughtUpAt = Number.NEGATIVE_INFINITY
  #watermarkMovedAt = 0
  #skewMs = 0

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

  get figures(): TaskFigures | undefined {
    if (this.#phase !== 'live') return undefined
    return {
      counts: this.#pipeline.counts,
      next: this.#next,
      watermark: this.#watermark.time,
      appendedAt: this.#appendedAt,
      generation: this.#committed.generation,
      cachedKeys: this.#states.cached,
      bufferBytes: this.#checkpoint.bytes,
      queued: this.#queue.length > 0 || this.#current !== undefined,
    }
  }

  storeBytes(): Promise<number> {
    return this.#store && this.#phase === 'live' ? this.#store.sizeBytes() : Promise.resolve(0)
  }

  /**
   * Fences, brings the store up to what is committed, commits that it owns the partition, and goes live.
   * Answers where the input is to be read from. Rejects with a `TaskRefused` or a `LogError`.
   */
  async takeOver(): Promise<NextOffset> {
    const { clock, events } = this.#options
    this.#phase = 'taking-over'
    try {
      this.#begin(
        await takeOver({
          ...this.#options,
          transactor: this.#transactor,
          signal: this.#closing.signal,
          onRestore: events.onRestore,
        }),
      )
      await this.#commitNow()
    } catch (error) {
      if (this.#phase === 'taking-over') this.#phase = 'refused'
      throw error
    }
    if (this.#closing.signal.aborted) return this.#next
    this.#phase = 'live'
    this.#stopTimers = [
      clock.every(checkpointMs, () => this.#guarded(() => this.#writeCheckpoint())),
      clock.every(1_000, () => this.#guarded(() => this.#everySecond())),
    ]
    this.#loop = this.#guarded(() => this.#run())
    return this.#next
  }

  /** A batch that does not begin where this task is to go on would lose or repeat records: it is not taken. */
  offer(batch: Batch): void {
    const expected = this.#queue.at(-1)?.next ?? this.#current?.batch.next ?? this.#next
    if (this.#phase !== 'live' || batch.fetched !== expected) {
      this.#options.events.onTaken(batch.records.length)
      return
    }
    this.#queue.push(batch)
    this.#wake?.()
  }

  /** The reader stands at the partition's end, and nothing came. */
  caughtUp(): void {
    this.#caughtUpAt = this.#options.clock.elapsed()
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
    for (const stop of this.#stopTimers) stop()
    this.#wake?.()
    await this.#loop
    if (leaves) await this.#leave()
    await this.#transactor.close()
    await this.#producer?.close()
    await Promise.allSettled([this.#commit, this.#emission, this.#checkpointing])
    await this.#store?.close()
  }

  #begin({ store, stored, progress }: TakenOver): void {
    const { job, era, partition, partitions, clock, cacheKeysMax, inHand, mode } = this.#options
    this.#store = store
    this.#committed = progress
    this.#checkpoint = new Checkpoint(store, stored)
    this.#states = new States(job, this.#checkpoint, cacheKeysMax, mode === 'at-least-once')
    this.#timers = new Timers(store)
    this.#watermark = new Watermark(job.outOfOrdernessMs, progress.watermark)
    const { states, timers, watermark } = {
      states: this.#states,
      timers: this.#timers,
      watermark: this.#watermark,
    }
    this.#pipeline = new Pipeline({
      job,
      era,
      partition,
      partitions,
      inHand,
      states,
      timers,
      watermark,
    })
    this.#steps = new Steps(progress)
    this.#next = progress.next
    this.#last = progress.last
    this.#appendedAt = progress.appendedAt
    this.#watermarkMovedAt = clock.elapsed()
  }

  /** Fires timers, takes events, starts commits, in turns with input and output, until it is closed. */
  async #run(): Promise<void> {
    while (this.#phase === 'live') {
      const work = this.#work()
      this.#options.inHand(-1)
      if (work === 'load') await this.#timers.load()
      this.#emit()
      this.#commitIfDue()
      if (work === 'wait' && this.#phase === 'live') await this.#woken()
      else await this.#options.clock.turn()
    }
  }

  /** Takes up to a slice of records. `'wait'`: nothing can be done until a batch comes or a commit ends. */
  #work(): 'more' | 'load' | 'wait' {
    for (let records = 0; records < sliceRecords; records++) {
      if (this.#ticking || this.#states.full) return 'wait'
      if (this.#timersDue && this.#watermark.time !== undefined) {
        const fired = this.#pipeline.fireDue(this.#watermark.time)
        if (fired !== 'done') return fired === 'load' ? 'load' : 'wait'
      }
      this.#timersDue = false
      if (this.#steps.active && (this.#commit || this.#isDirty() || this.#mustAnnounce()))
        return 'wait'
      this.#current ??= this.#nextBatch()
      if (!this.#current) return 'wait'
      this.#step(this.#current)
    }
    return 'more'
  }

  #nextBatch(): { batch: Batch; records: RecordReader } | undefined {
    const batch = this.#queue.shift()
    return batch && { batch, records: new RecordReader(batch.records) }
  }

  #step({ batch, records }: { batch: Batch; records: RecordReader }): void {
    let found: boolean
    try {
      found = records.next()
    } catch (error) {
      const range = `${this.#next} to ${batch.next - 1}`
      this.#pipeline.skipUnreadable(
        this.#next,
        `records ${range} cannot be read: ${(error as Error).message}`,
      )
      found = false
    }
    if (!found) this.#endBatch(batch)
    else if (records.offset >= this.#next) this.#take(records) // a batch may begin before the asked offset
  }

  #take(records: RecordReader): void {
    const before = this.#watermark.time
    if (records.offset === this.#options.poison) {
      this.#pipeline.skip(
        records,
        'kills_lane',
        'this record was in hand each time that its lane died',
      )
    } else if (this.#steps.kills(this.#next)) {
      this.#pipeline.skip(
        records,
        'kills_process',
        'this record was in hand each time that its process died',
      )
    } else {
      this.#pipeline.take(records)
    }
    this.#steps.took()
    this.#next = nextOffset(records.offset + 1)
    this.#last = records.offset
    this.#appendedAt = records.timestamp
    this.#timersDue = true // also where the watermark stands still: an event from behind it may have set a timer there
    if (this.#watermark.time !== before) this.#watermarkMovedAt = this.#options.clock.elapsed()
  }

  #endBatch(batch: Batch): void {
    const { clock, events } = this.#options
    this.#next = batch.next
    this.#current = undefined
    const arrivedLive =
      clock.elapsed() - this.#caughtUpAt < caughtUpMsMax && batch.records.length > 0
    if (arrivedLive) this.#skewMs = clock.now() - this.#appendedAt
    events.onTaken(batch.records.length)
  }

  #mustAnnounce(): boolean {
    return (
      this.#steps.mustAnnounce(this.#next) &&
      (this.#current !== undefined || this.#queue.length > 0)
    )
  }

  /** Something that a reader of the outputs would see. */
  #hasOutputs(): boolean {
    return this.#states.dirtyKeys > 0 || this.#pipeline.hasSideOutputs
  }

  #isDirty(): boolean {
    return this.#hasOutputs() || this.#next !== this.#committed.next
  }

  #commitIfDue(): void {
    if (this.#commit || this.#ticking || this.#phase !== 'live' || this.#checkpoint.full) return
    if (this.#dueMs() > this.#options.clock.elapsed() - this.#commitStartedAt) return
    const hand = !this.#isDirty() && this.#mustAnnounce() ? this.#next : -1
    if (hand >= 0) this.#steps.announce(hand)
    this.#commitNow(hand).catch(error => this.#fail(error))
  }

  /** How long after the start of the last commit the next one is due. */
  #dueMs(): number {
    if (this.#steps.active && (this.#isDirty() || this.#mustAnnounce())) return 0
    if (this.#hasOutputs()) {
      const held = this.#queue.length > 0 && !this.#states.full && !this.#timersDue
      return held ? busyCommitMs : 0
    }
    return this.#next === this.#committed.next ? renewalMs : offsetCommitMs
  }

  /** Freezes what is dirty, and commits it. Only between two events or two timers. */
  #commitNow(hand = -1): Promise<void> {
    const { job, clock } = this.#options
    this.#commitStartedAt = clock.elapsed()
    const early = this.#producer !== undefined && !this.#ticking
    const frozen = freezeCommit(
      job,
      this.#states,
      this.#pipeline.freeze(),
      this.#progress(hand),
      early,
    )
    this.#commit = this.#runCommit(frozen)
      .catch(error => {
        this.#fail(error) // first of all: nothing more may go into a transaction of which nobody knows
        throw error
      })
      .finally(() => {
        this.#commit = undefined
        this.#wake?.()
      })
    return this.#commit
  }

  async #runCommit(frozen: FrozenCommit<State>): Promise<void> {
    const { job, partition, clock, events } = this.#options
    const startedAt = clock.elapsed()
    await this.#emission
    const target = {
      job: job.name,
      input: job.input,
      partition,
      transactor: this.#transactor,
      producer: this.#producer,
    }
    this.#committed = await runCommit(frozen, target)
    const now = clock.now()
    this.#states.committed(frozen.states, this.#committed.changelog, now)
    const step = Math.ceil(frozen.states.length / latencySamplesMax)
    const latenciesMs = frozen.states
      .filter((_, index) => index % step === 0)
      .map(({ entity }) => now - entity.receivedAt)
    this.#pipeline.counts.rows += frozen.rows.length
    events.onCommit({ ms: clock.elapsed() - startedAt, rows: frozen.rows.length, latenciesMs })
  }

  #progress(hand: number): Progress {
    const { job, era, partitions } = this.#options
    return {
      next: this.#next,
      history: this.#committed.history,
      watermark: this.#watermark.time,
      partitions,
      era,
      hash: job.hash,
      generation: this.#committed.generation,
      last: this.#last,
      appendedAt: this.#appendedAt,
      tries: this.#next === this.#committed.next ? this.#committed.tries : 0,
      hand,
      clean: this.#phase === 'closed',
    }
  }

  /** Mode at-least-once: rows and triggers go out at once, before their commit. */
  #emit(): void {
    const { job, partition } = this.#options
    const producer = this.#producer
    if (!producer || this.#emission || this.#ticking || this.#phase !== 'live') return
    const rows = Array.from(this.#states.takeUnsent(), entity => featureRow(job, entity))
    const triggers = this.#pipeline.takeTriggers()
    const { features, triggers: triggersTopic } = outputTopics(job.name)
    const appends = [
      ...(rows.length > 0 ? [{ topic: features, partition, records: rows }] : []),
      ...(triggers.length > 0 ? [{ topic: triggersTopic, partition, records: triggers }] : []),
    ]
    if (appends.length === 0) return
    const emission = producer.send(appends).then(() => {
      this.#emission = undefined
      this.#wake?.()
    })
    this.#emission = emission
    emission.catch(error => this.#fail(error))
  }

  async #everySecond(): Promise<void> {
    this.#wake?.() // a commit that only moves the offset may be due
    if (this.#isIdle()) await this.#tick()
  }

  /** Caught up, and time has stood still: then the wall clock may fire timers. */
  #isIdle(): boolean {
    const { job, clock } = this.#options
    const now = clock.elapsed()
    const still = now - this.#caughtUpAt < caughtUpMsMax && now - this.#watermarkMovedAt >= idleMs
    const quiet =
      this.#queue.length === 0 &&
      !this.#current &&
      !this.#commit &&
      !this.#emission &&
      !this.#isDirty()
    const clockIsRight =
      Math.abs(this.#skewMs) <= skewMsMax && this.#appendedAt - clock.now() <= skewMsMax
    return this.#phase === 'live' && job.idle === 'wall-clock' && still && quiet && clockIsRight
  }

  /** Fires what is due by the wall clock, in commits of their own; the events' watermark stays where it is. */
  async #tick(): Promise<void> {
    const now = this.#options.clock.now()
    this.#ticking = true
    try {
      while (this.#phase === 'live') {
        const fired = this.#pipeline.fireDue(now)
        if (fired === 'load') await this.#timers.load()
        else if (!this.#hasOutputs()) return
        else await this.#commitNow()
        if (fired === 'done') return
      }
    } finally {
      this.#ticking = false
      this.#wake?.()
    }
  }

  /** One at a time: a store is written by one hand. */
  #writeCheckpoint(all = false): Promise<void> {
    const { clock, events } = this.#options
    this.#checkpointing = this.#checkpointing.then(async () => {
      const startedAt = clock.elapsed()
      let wrote = false
      while ((all || this.#phase === 'live') && (await this.#states.checkpoint())) wrote = true
      if (wrote) events.onCheckpoint(clock.elapsed() - startedAt)
      this.#wake?.()
    })
    return this.#checkpointing
  }

  /** Bounded in time: what has not begun by then does not begin any more. */
  async #leave(): Promise<void> {
    const late = new AbortController()
    const steps = [() => this.#commit, () => this.#commitNow(), () => this.#writeCheckpoint(true)]
    const left = async () => {
      for (const step of steps) if (!late.signal.aborted) await step()
    }
    // Fenced or cut off while leaving: what is committed is committed, and the next owner goes on from there.
    await Promise.race([left().catch(() => undefined), this.#options.clock.sleep(leaveMsMax)])
    late.abort()
  }

  #woken(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (this.#phase !== 'live') return
    this.#phase = 'failed'
    this.#wake?.()
    this.#options.events.onFailed(error instanceof Error ? error : new Error(String(error)))
  }
}
