import { packed } from './appends.ts'
import { type FrozenCommit, freezeCommit, runCommit } from './commit.ts'
import type { CommitTrace } from './event-traces.ts'
import type { Intake } from './intake.ts'
import type { Producer, Transactor } from './log.ts'
import { outputTopics } from './outputs.ts'
import type { Pipeline } from './pipeline.ts'
import type { CommittedProgress, Progress } from './progress.ts'
import type { States } from './states.ts'
import type { Steps } from './steps.ts'
import type { TaskOptions } from './task-options.ts'
import type { Watermark } from './watermark.ts'

/**
 * While input waits, commits are this part of how far behind the task is apart: a hot key is then written once for
 * many events, which costs far less, and no row gets older by more than that part.
 */
const behindPart = 1 / 10
const behindCommitMs = 5_000
/**
 * A task's commits take half of its time at most: on a busy machine commits that follow each other without a pause
 * make all of them slower, and every row later. On an idle one it is what the next transaction needs to open.
 */
const restPart = 2
const restCommitMs = 20
/** Where rows have gone out before it, a commit may wait so long: after a crash so much is emitted again. */
const emittedCommitMs = 100
/** A commit that only moves the offset may wait so long. */
const offsetCommitMs = 1_000
/** Kafka forgets the offsets of a group without members after seven days. */
const renewalMs = 3_600_000
const latencySamplesMax = 50

export interface CommitterParts<State> {
  readonly options: Pick<
    TaskOptions<State>,
    'job' | 'partition' | 'partitions' | 'era' | 'clock' | 'events' | 'traces'
  >
  readonly transactor: Transactor
  /** Mode at-least-once: rows and triggers go out by it, before their commit. */
  readonly producer: Producer | undefined
  readonly states: States<State>
  readonly pipeline: Pipeline<State>
  readonly watermark: Watermark
  readonly intake: Intake
  readonly steps: Steps
  /** Something is over that others may wait for. */
  readonly onDone: () => void
  readonly onFailed: (error: unknown) => void
}

/** A task's commits, one after the other. */
export class Committer<State = unknown> {
  readonly #parts: CommitterParts<State>
  #committed: CommittedProgress
  #running: Promise<void> | undefined
  #startedAt: number
  #lastMs = 0
  #emission: Promise<void> | undefined
  #waking = false

  constructor(parts: CommitterParts<State>, committed: CommittedProgress) {
    this.#parts = parts
    this.#committed = committed
    this.#startedAt = parts.options.clock.elapsed()
  }

  get committed(): CommittedProgress {
    return this.#committed
  }

  /** The commit under way. */
  get running(): Promise<void> | undefined {
    return this.#running
  }

  get quiet(): boolean {
    return !this.#running && !this.#emission && !this.isDirty
  }

  /** Something that a reader of the outputs would see. */
  get hasOutputs(): boolean {
    const { states, pipeline } = this.#parts
    return states.dirtyKeys > 0 || !pipeline.side.isEmpty
  }

  get isDirty(): boolean {
    return this.hasOutputs || this.#parts.intake.next !== this.#committed.next
  }

  /** Whether a commit should begin now; `hurry`: what is dirty need not wait for more. */
  isDue(hurry: boolean): boolean {
    if (this.#running) return false
    const restMs = this.#startedAt + this.#waitMs(hurry) - this.#parts.options.clock.elapsed()
    if (restMs > 0 && restMs <= emittedCommitMs) void this.#wakeAfter(restMs)
    return restMs <= 0
  }

  /**
   * Freezes what is dirty, and commits it. Only between two events or two timers. `hand`: what is about to
   * be taken alone; `clean`: the owner is leaving in order; `tick`: what the wall clock fired, which goes out
   * with the transaction in either mode.
   */
  commit({ hand = -1, clean = false, tick = false } = {}): Promise<void> {
    const { options, states, pipeline, producer, onDone, onFailed } = this.#parts
    this.#startedAt = options.clock.elapsed()
    const rowsAreOut = producer !== undefined && !tick
    if (rowsAreOut) this.#sendVisible(producer) // now: what comes later must not overtake it
    const trace = options.traces?.freeze()
    const frozen = freezeCommit(
      options,
      states,
      pipeline.side.take(),
      this.#progress(hand, clean),
      rowsAreOut,
    )
    pipeline.frozen()
    trace?.step('freeze')
    this.#running = this.#run(frozen, trace)
      .catch(error => {
        onFailed(error) // first of all: nothing more may go into a transaction of which nobody knows
        throw error
      })
      .finally(() => {
        this.#running = undefined
        onDone()
      })
    return this.#running
  }

  /** Mode at-least-once: sends what has changed since the last call, at once. */
  emit(): void {
    const { producer } = this.#parts
    if (producer && !this.#emission) this.#sendVisible(producer)
  }

  /** The producer sends in order, so of several under way the last to begin is the last to end. */
  #sendVisible(producer: Producer): void {
    const { options, states, pipeline, onDone, onFailed } = this.#parts
    const { job, partition } = options
    const { features, triggers } = outputTopics(job.name)
    const rows = states.takeEarlyRows()
    const batches = [
      ...rows.appends(features, partition),
      ...packed(triggers, partition, pipeline.side.takeTriggers()),
    ]
    if (batches.length === 0) return
    pipeline.counts.rows += rows.count
    const emission = Promise.all(batches.map(batch => producer.send([batch]))).then(() => {
      if (this.#emission === emission) this.#emission = undefined
      onDone()
    })
    this.#emission = emission
    emission.catch(onFailed)
  }

  /** Waits for what is under way, however it ends. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#running, this.#emission])
  }

  /** How long after the start of the last commit the next one is due. */
  #waitMs(hurry: boolean): number {
    const { intake, producer } = this.#parts
    if (!this.hasOutputs) return this.isDirty ? offsetCommitMs : renewalMs
    if (hurry) return 0
    if (intake.backlog) return Math.min(this.#behindMs * behindPart, behindCommitMs)
    return producer ? emittedCommitMs : Math.min(this.#lastMs * restPart, restCommitMs)
  }

  /** Nothing else may happen until a commit is due. */
  async #wakeAfter(ms: number): Promise<void> {
    if (this.#waking) return
    this.#waking = true
    await this.#parts.options.clock.sleep(ms)
    this.#waking = false
    this.#parts.onDone()
  }

  /** Since the last record taken was appended, ms; the broker's clock may be ahead of ours. */
  get #behindMs(): number {
    const { options, intake } = this.#parts
    return Math.max(options.clock.now() - intake.appendedAt, 0)
  }

  async #run(frozen: FrozenCommit<State>, trace: CommitTrace | undefined): Promise<void> {
    const { options, transactor, states, pipeline } = this.#parts
    const { job, partition, clock, events } = options
    const startedAt = clock.elapsed()
    await this.#emission
    this.#committed = await runCommit(frozen, {
      job: job.name,
      input: job.input,
      partition,
      transactor,
      marker: this.#committed.changelog,
      trace,
    })
    trace?.ended(this.#committed.changelog, frozen.rows)
    const now = clock.now()
    states.committed(frozen.states, this.#committed.changelog, now)
    pipeline.committed()
    pipeline.counts.rows += frozen.rows
    const step = Math.ceil(frozen.states.length / latencySamplesMax)
    const sampled = frozen.states.filter((_, index) => index % step === 0)
    this.#lastMs = clock.elapsed() - startedAt
    events.onCommit({
      ms: this.#lastMs,
      rows: frozen.rows,
      latenciesMs: sampled.map(({ entity }) => now - entity.receivedAt),
    })
    await transactor.opened() // what comes until then goes with the next commit, and not with the one after it
  }

  #progress(hand: number, clean: boolean): Progress {
    const { options, watermark, intake, steps } = this.#parts
    const { history, generation, tries, next, features } = this.#committed
    return {
      next: intake.next,
      history,
      watermark: watermark.time,
      partitions: options.partitions,
      era: options.era,
      hash: options.job.hash,
      generation,
      last: intake.last,
      appendedAt: intake.appendedAt,
      tries: intake.next === next ? tries : 0,
      hand,
      ...steps.suspicion(intake.next),
      clean,
      sources: watermark.sources.encode(),
      features,
    }
  }
}
