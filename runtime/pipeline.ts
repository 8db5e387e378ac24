import type { Event } from '../jobs/event.ts'
import type { Job, JobContext, Timer } from '../jobs/job.ts'
import type { RecordReader } from '../protocol/record-batch.ts'
import { CodecError } from '../state/codec.ts'
import { BadRecord, decodeRecord } from './decode.ts'
import { decodeEntity, type Entity, encodeEntity } from './entity.ts'
import { deadly, faultOf } from './fault.ts'
import { type Hand, timerHand, type Verdict } from './hand.ts'
import { checkHome } from './home.ts'
import { rekeyedFrom } from './rekeyed.ts'
import type { Schemas } from './schemas.ts'
import { type Counts, SideOutputs } from './side-outputs.ts'
import type { States } from './states.ts'
import { StepOutputs } from './step-outputs.ts'
import type { Timers } from './timers.ts'
import type { Watermark } from './watermark.ts'

/** At midnight every user's timer is due at once; so many fire before the next commit is frozen. */
export const timersPerCommit = 5_000
/** A step may add what it read and some framing to a state; more is caught when it is encoded. */
const growthBytesGuess = 512
const eraSize = 2 ** 44

export interface PipelineOptions<State> {
  readonly job: Job<State>
  readonly partition: number
  readonly partitions: number
  readonly era: number
  readonly states: States<State>
  readonly timers: Timers
  readonly watermark: Watermark
  /** Told what is in hand before it is touched, so that a death names its culprit. */
  readonly inHand: (hand: Hand) => void
  /** What was in hand each time that the lane died: a timer of it does not fire any more. */
  readonly poison?: Hand | undefined
  /** Reads values with Confluent framing. */
  readonly schemas?: Pick<Schemas, 'read'> | undefined
}

/**
 * One task's step: a record, or a timer, into a key's state. Synchronous and pure: it reads no clock, and all
 * that it does is in the states, the timers and the side outputs, for the next commit to take.
 */
export class Pipeline<State = unknown> {
  readonly #options: PipelineOptions<State>
  readonly #side: SideOutputs
  readonly #framed: ((value: Buffer) => unknown) | undefined
  /** What the step in hand has sent so far. */
  #sent: StepOutputs
  #timersFired = 0
  #passedOver: 'open' | 'frozen' | undefined

  constructor(options: PipelineOptions<State>) {
    this.#options = options
    const { schemas } = options
    this.#framed = schemas && (value => schemas.read(value))
    this.#side = new SideOutputs(options.job, options.partition)
    this.#sent = new StepOutputs(options)
  }

  get counts(): Counts {
    return this.#side.counts
  }

  get side(): SideOutputs {
    return this.#side
  }

  /** What kills was passed over, and no next owner would know: nothing more is taken or fired until it is committed. */
  get passedOver(): boolean {
    return this.#passedOver !== undefined
  }

  /** A commit is frozen: timers may fire again. */
  frozen(): void {
    this.#timersFired = 0
    if (this.#passedOver) this.#passedOver = 'frozen'
  }

  /** The commit that was frozen last has ended. */
  committed(): void {
    if (this.#passedOver === 'frozen') this.#passedOver = undefined
  }

  /**
   * Takes a record. Whatever is wrong with it, it is done afterwards.
   *
   * @throws CodecError: its user's state cannot be read, and the task must stop before this record
   */
  take(record: RecordReader): void {
    const { states, watermark, job, inHand, partition, partitions } = this.#options
    inHand(record.offset)
    try {
      const from = rekeyedFrom(record)
      const source = watermark.sources.take(from, record.timestamp)
      if (source === undefined) {
        this.counts.forwardedAgain++
        return
      }
      const event = decodeRecord(record, from && record.keyString(), this.#framed)
      checkHome(event.key, partition, partitions)
      if (from === undefined) job.check?.(event)
      const late = this.#isLate(event)
      if (late && job.takesLate?.(event) !== true) {
        this.#side.late(record, event.timestamp, watermark.time as number)
        return
      }
      const entity = states.get(event.key)
      if (entity.recent.seen(event.messageId, event.timestamp)) this.counts.duplicates++
      else {
        const context = this.#sent.begin(entity.key, from && event, late)
        this.#absorb(entity, event, record, context)
        if (late) this.#side.late(record, event.timestamp, watermark.time as number)
      }
      watermark.observe(event.timestamp, source)
    } catch (error) {
      if (error instanceof CodecError) throw error // it is not the event's fault: none may be lost by it
      this.#side.dead(record, faultOf(error))
    }
  }

  /** Sends a record to the dead letters unprocessed: it has killed its lane or its process before. */
  skip(record: RecordReader, code: keyof typeof deadly): void {
    this.#passedOver = 'open'
    this.#passOver(record) // brought again, it would kill again
    this.#side.dead(record, { code, reason: deadly[code] })
  }

  /**
   * Fires what is due at or before `upTo`, by time, key and name. `'full'`: as many as one commit may carry
   * have fired, and more may be due. `'load'`: await the timers' `load`, and call again. `'held'`: `judge`, which is
   * asked about each, holds the next one back.
   */
  fireDue(
    upTo: number,
    judge?: (hand: Hand) => Verdict,
  ): 'done' | 'full' | 'load' | { readonly held: Hand } {
    const { timers, states } = this.#options
    while (this.#timersFired < timersPerCommit && !this.passedOver) {
      const due = timers.take(upTo)
      if (due === 'load') return 'load'
      if (!due) {
        timers.shrink(states.cached, key => states.unwrittenTimer(key))
        return 'done'
      }
      const entity = states.get(due.entry.key)
      if (entity.timerAt === due.entry.time) {
        const held = this.#fire(entity, judge)
        if (held === undefined) continue
        timers.schedule(due.entry.time, due.entry.key) // to be met again
        return { held }
      }
      if (due.indexed && entity.indexedAt !== due.entry.time) states.removeTimer(due.entry)
      else if (due.indexed && entity.timerAt) timers.schedule(entity.timerAt, due.entry.key)
    }
    return 'full'
  }

  /** What makes two keys one never is (it must not be lost because somebody logs in late), nor is an erasure. */
  #isLate(event: Event): boolean {
    const { watermark, job } = this.#options
    if (watermark.time === undefined || neverLate.has(event.type)) return false
    return event.timestamp < watermark.time - job.latenessMs
  }

  #absorb(entity: Entity<State>, event: Event, record: RecordReader, context: JobContext): void {
    const { job, era } = this.#options
    const valueBytes = record.valueEnd - record.valueStart
    const grownBytesMax = entity.grownBytesMax + valueBytes + growthBytesGuess
    const mayExceed = entity.encodedBytes + grownBytesMax > job.stateBytesMax
    const before = mayExceed ? encodeEntity(job, entity) : undefined
    job.absorb(entity.state, event, context)
    entity.grownBytesMax = grownBytesMax
    entity.recent.add(event.messageId, event.timestamp)
    entity.offset = era * eraSize + record.offset
    entity.revision = 0
    entity.eventAt = event.timestamp
    entity.asOf = Math.max(entity.asOf, event.timestamp)
    entity.receivedAt = event.receivedAt ?? record.timestamp
    if (this.#sent.dropped) this.#side.erased(entity.key, record, era)
    else if (before) this.#undoIfTooLarge(entity, before)
    this.#changed(entity)
    this.counts.events++
  }

  #undoIfTooLarge(entity: Entity<State>, before: Uint8Array): void {
    const { job, states } = this.#options
    if (encodeEntity(job, entity).length <= job.stateBytesMax) return
    const restored = decodeEntity(job, entity.key, before)
    restored.dropped = entity.dropped
    states.replace(restored)
    throw new BadRecord(
      'state_too_large',
      `with this event the state would exceed its ${job.stateBytesMax} bytes (stateBytesMax of job ${job.name})`,
    )
  }

  /** Answers the timer, where it is held back. */
  #fire(entity: Entity<State>, judge: ((hand: Hand) => Verdict) | undefined): Hand | undefined {
    const { job, inHand, poison } = this.#options
    const timer = job.nextTimer(entity.state) as Timer // `timerAt` says that there is one
    const hand = timerHand(timer, entity.key)
    const verdict = hand === poison ? 'kills_lane' : (judge?.(hand) ?? 'fire')
    if (verdict === 'hold') return hand
    inHand(hand)
    entity.timerAt = undefined // its hint is used up, and another timer of the same time needs one of its own
    this.#timersFired++
    this.counts.timers++
    if (verdict !== 'fire') this.#passedOver = 'open'
    try {
      if (verdict !== 'fire') throw new BadRecord(verdict, deadly[verdict])
      job.fire(entity.state, timer, this.#sent.begin(entity.key, undefined))
      entity.asOf = Math.max(entity.asOf, timer.time)
    } catch (error) {
      job.cancel(entity.state, timer)
      this.#sent.forget()
      this.#side.deadTimer(entity.key, timer, faultOf(error))
    }
    entity.revision++ // also then: its row is written again, perhaps by a changed job
    this.#changed(entity)
    return undefined
  }

  /** The state has changed: what it sends, its timer and its place in the next commit follow. */
  #changed(entity: Entity<State>): void {
    const { job, states, timers } = this.#options
    for (const trigger of this.#sent.triggers) this.#side.trigger(job, entity, trigger)
    for (const record of this.#sent.rekeyed) this.#side.rekeyed(record)
    if (this.#sent.dropped) {
      states.drop(entity)
      return
    }
    entity.dropped = false
    states.markDirty(entity)
    const timerAt = job.nextTimer(entity.state)?.time
    if (timerAt !== undefined && timerAt !== entity.timerAt) timers.schedule(timerAt, entity.key)
    entity.timerAt = timerAt
  }

  #passOver(record: RecordReader): void {
    try {
      this.#options.watermark.sources.take(rekeyedFrom(record), record.timestamp)
    } catch (error) {
      if (!(error instanceof BadRecord)) throw error // it has no proper source to be remembered of
    }
  }
}

const neverLate = new Set(['merge', 'link', 'delete'])
