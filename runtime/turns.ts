import type { RecordReader } from '../protocol/record-batch.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { Committer } from './committer.ts'
import type { Hand } from './hand.ts'
import type { IdleTicks } from './idle-ticks.ts'
import type { Idleness } from './idleness.ts'
import type { Intake } from './intake.ts'
import type { Batch } from './log.ts'
import type { Pipeline } from './pipeline.ts'
import type { States } from './states.ts'
import type { Steps } from './steps.ts'
import type { LiveOptions } from './task-options.ts'
import type { Timers } from './timers.ts'
import type { Wake } from './wake.ts'
import type { Watermark } from './watermark.ts'

const sliceRecords = 500
/** A job whose functions are slow must not hold up commits. */
const sliceMsMax = 20

export interface TurnsParts<State> {
  readonly options: Pick<
    LiveOptions<State>,
    'clock' | 'events' | 'inHand' | 'poison' | 'schemas' | 'traces'
  >
  readonly pipeline: Pipeline<State>
  readonly states: States<State>
  readonly timers: Timers
  readonly watermark: Watermark
  readonly checkpoint: Checkpoint
  readonly steps: Steps
  readonly intake: Intake
  readonly committer: Committer<State>
  readonly idleness: Idleness
  readonly idleTicks: IdleTicks<State>
  /** What ends a wait. */
  readonly wake: Wake
}

/** The work of a live task, one turn after the other: due timers, then an event, and between two of these a commit. */
export class Turns<State = unknown> {
  readonly #parts: TurnsParts<State>
  /** Timers may be due: they fire before the next event. */
  #timersDue = true
  /** More timers are due than one commit may carry, or the next is held back: they wait for a commit. */
  #timersWait = false
  /** To be announced before it is taken, or fires. */
  #suspected: Hand | undefined
  /** A record that waits for its schema. */
  #held: RecordReader | undefined
  readonly #onSchema = () => this.#parts.wake.now()
  readonly #judge = (hand: Hand) => this.#parts.steps.judge(hand, this.#parts.committer.quiet)

  constructor(parts: TurnsParts<State>) {
    this.#parts = parts
  }

  /** What is wrong, so that the record in hand has to wait; `undefined`: nothing is. */
  get trouble(): string | undefined {
    return this.#held && this.#parts.options.schemas?.trouble(this.#held.value())
  }

  /** Until `goesOn` says no: then nothing is in hand. */
  async run(goesOn: () => boolean): Promise<void> {
    const { options, timers, committer, idleTicks, wake } = this.#parts
    while (goesOn()) {
      const work = this.#work()
      options.inHand(-1)
      if (work === 'load') await timers.load()
      if (!goesOn()) return
      if (!idleTicks.firing) committer.emit()
      this.#commitIfDue()
      if (work === 'wait' && goesOn()) await wake.wait()
      else await options.clock.turn()
    }
  }

  /** For the intake: all records of a batch are done. */
  batchDone(batch: Batch): void {
    const { options, idleness, intake } = this.#parts
    if (batch.records.length > 0) idleness.arrived(intake.appendedAt)
    options.events.onTaken(batch.records.length)
  }

  /** Takes up to a slice of records. `'wait'`: nothing can be done until a batch or a schema comes, or a commit ends. */
  #work(): 'more' | 'load' | 'wait' {
    const { options, pipeline, states, watermark, steps, intake, committer, idleTicks } =
      this.#parts
    const { clock } = options
    const startedAt = clock.elapsed()
    this.#suspected = undefined
    for (let records = 0; records < sliceRecords; records++) {
      if (records % 16 === 15 && clock.elapsed() - startedAt > sliceMsMax) return 'more'
      if (idleTicks.firing || states.full || pipeline.side.full || pipeline.passedOver)
        return 'wait'
      if (this.#timersDue && watermark.time !== undefined) {
        const fired = pipeline.fireDue(watermark.time, this.#judge)
        steps.fired()
        if (typeof fired === 'object') this.#suspected = fired.held
        this.#timersWait = fired === 'full' || typeof fired === 'object'
        if (fired !== 'done') return fired === 'load' ? 'load' : 'wait'
      }
      this.#timersDue = false
      if (steps.active && !committer.quiet) return 'wait'
      if (steps.mustAnnounce(intake.next) && !intake.empty) {
        this.#suspected = intake.next
        return 'wait'
      }
      const record = this.#held ?? intake.record()
      if (!record) return 'wait'
      this.#held = this.#isReady(record) ? undefined : record
      if (this.#held) return 'wait'
      this.#take(record)
    }
    return 'more'
  }

  #isReady(record: RecordReader): boolean {
    return this.#parts.options.schemas?.ready(record.value(), this.#onSchema) ?? true
  }

  #take(record: RecordReader): void {
    const { options, pipeline, watermark, steps, intake, idleness } = this.#parts
    const traced = options.traces?.start(record)
    const before = watermark.time
    steps.takes(intake.next)
    if (record.offset === options.poison) pipeline.skip(record, 'kills_lane')
    else if (steps.kills(intake.next)) pipeline.skip(record, 'kills_process')
    else pipeline.take(record)
    steps.took()
    traced?.()
    intake.done(record)
    this.#timersDue = true // also where the watermark stands still: an event from behind it may have set a timer there
    if (watermark.time !== before) idleness.watermarkMoved()
  }

  #commitIfDue(): void {
    const { pipeline, states, checkpoint, steps, committer, idleTicks } = this.#parts
    if (committer.running || idleTicks.firing || checkpoint.full) return
    const suspected = this.#suspected
    const announce = suspected !== undefined && !committer.isDirty
    const full = states.full || pipeline.side.full
    const hurry = steps.active || full || this.#timersWait || pipeline.passedOver
    const stepDone = (steps.active || suspected !== undefined) && committer.isDirty
    if (!announce && !stepDone && !committer.isDue(hurry)) return
    if (announce) steps.announce(suspected)
    committer.commit({ hand: announce ? suspected : -1 }).catch(() => undefined) // told by onFailed
  }
}
