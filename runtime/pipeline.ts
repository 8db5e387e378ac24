import { type Job, JobError, type Timer, type Trigger } from '../jobs/job.ts'
import { partitionFor } from '../protocol/murmur2.ts'
import type { OutgoingRecord, RecordReader } from '../protocol/record-batch.ts'
import { BadRecord, decodeEvent } from './decode.ts'
import { decodeEntity, type Entity, encodeEntity } from './entity.ts'
import { deadRecord, deadTimer, type Origin, triggerRecord } from './outputs.ts'
import type { States } from './states.ts'
import type { Timers } from './timers.ts'
import type { Watermark } from './watermark.ts'

/** At midnight every user's timer is due at once; so many fire before the next commit is frozen. */
export const timersPerCommit = 5_000
/** A step may add what it read and some framing to a state; more is caught when it is encoded. */
const growthBytesGuess = 512
const eraSize = 2 ** 44

/** What a commit carries beside rows and states. */
export interface SideOutputs {
  readonly triggers: OutgoingRecord[]
  readonly late: OutgoingRecord[]
  readonly dead: OutgoingRecord[]
}

export interface Counts {
  events: number
  duplicates: number
  late: number
  triggers: number
  /** Feature rows committed. */
  rows: number
  timers: number
  /** By code. */
  dead: Map<string, number>
}

export interface PipelineOptions<State> {
  readonly job: Job<State>
  readonly partition: number
  readonly partitions: number
  readonly era: number
  readonly states: States<State>
  readonly timers: Timers
  readonly watermark: Watermark
  /** Told what is in hand before it is touched, so that a death names its culprit. */
  readonly inHand: (offset: number) => void
}

/**
 * One task's step: a record, or a timer, into a key's state. Synchronous and pure: it reads no clock, and all
 * that it does is in the states, the timers and `side`, for the next commit to take.
 */
export class Pipeline<State = unknown> {
  readonly #options: PipelineOptions<State>
  readonly #keyBytes = Buffer.allocUnsafe(4 * 1024)
  readonly #emitted: Trigger[] = []
  readonly counts: Counts = {
    events: 0,
    duplicates: 0,
    late: 0,
    triggers: 0,
    rows: 0,
    timers: 0,
    dead: new Map(),
  }
  #side: SideOutputs = { triggers: [], late: [], dead: [] }
  #timersFired = 0

  constructor(options: PipelineOptions<State>) {
    this.#options = options
  }

  get hasSideOutputs(): boolean {
    return this.#side.triggers.length + this.#side.late.length + this.#side.dead.length > 0
  }

  /** The side outputs so far, for the commit that is being frozen. */
  freeze(): SideOutputs {
    const side = this.#side
    this.#side = { triggers: [], late: [], dead: [] }
    this.#timersFired = 0
    return side
  }

  /** Triggers that need not wait for the commit. */
  takeTriggers(): OutgoingRecord[] {
    return this.#side.triggers.splice(0)
  }

  /** Takes the reader's current record. Whatever is wrong with it, it is done afterwards. */
  take(reader: RecordReader): void {
    const { job, partition, inHand } = this.#options
    inHand(reader.offset)
    const value = reader.value()
    try {
      const event = decodeEvent(value, reader.timestamp)
      this.#checkPartition(event.userId)
      const { watermark } = this.#options
      if (watermark.time !== undefined && event.timestamp < watermark.time - job.latenessMs) {
        this.#isLate(reader, event.timestamp, watermark.time)
        return
      }
      const entity = this.#options.states.get(event.userId)
      if (event.messageId !== '' && entity.recent.seen(event.messageId, event.timestamp)) {
        this.counts.duplicates++
      } else {
        this.#absorb(entity, event, reader, value?.length ?? 0)
        this.counts.events++
      }
      watermark.observe(event.timestamp)
    } catch (error) {
      const fault = faultOf(error)
      const origin = {
        topic: job.input,
        partition,
        offset: reader.offset,
        appendedAt: reader.timestamp,
      }
      this.#toDead(fault.code, deadRecord(origin, { key: reader.key(), value }, fault))
    }
  }

  /** Sends a record to the dead letters unprocessed: it has killed its lane or its process before. */
  skip(reader: RecordReader, code: 'kills_lane' | 'kills_process', reason: string): void {
    const { job, partition } = this.#options
    const origin: Origin = {
      topic: job.input,
      partition,
      offset: reader.offset,
      appendedAt: reader.timestamp,
    }
    this.#toDead(
      code,
      deadRecord(origin, { key: reader.key(), value: reader.value() }, { code, reason }),
    )
  }

  /** Records that cannot even be taken apart, such as a batch of an unknown compression. */
  skipUnreadable(offset: number, reason: string): void {
    const { job, partition } = this.#options
    const origin: Origin = { topic: job.input, partition, offset, appendedAt: -1 }
    this.#toDead(
      'not_decodable',
      deadRecord(origin, { key: null, value: null }, { code: 'not_decodable', reason }),
    )
  }

  /**
   * Fires what is due at or before `upTo`, by time, key and name. `'full'`: as many as one commit may carry
   * have fired, and more are due. `'load'`: await the timers' `load`, and call again.
   */
  fireDue(upTo: number): 'done' | 'full' | 'load' {
    const { timers, states } = this.#options
    while (this.#timersFired < timersPerCommit) {
      const due = timers.take(upTo)
      if (due === 'load') return 'load'
      if (!due) {
        timers.shrink(states.cached, key => states.atRest(key))
        return 'done'
      }
      const entity = states.get(due.entry.key)
      if (entity.timerAt === due.entry.time) this.#fire(entity)
      else if (due.indexed && entity.indexedAt !== due.entry.time) states.removeTimer(due.entry)
    }
    return 'full'
  }

  #absorb(
    entity: Entity<State>,
    event: ReturnType<typeof decodeEvent>,
    reader: RecordReader,
    valueBytes: number,
  ): void {
    const { job, states, watermark, era } = this.#options
    const grown = valueBytes + growthBytesGuess
    const large = entity.encodedBytes + entity.grownBytesMax + grown > job.stateBytesMax
    const before = large ? encodeEntity(job, entity) : undefined
    this.#emitted.length = 0
    job.absorb(entity.state, event, {
      key: entity.key,
      watermark: watermark.time,
      emit: trigger => this.#emitted.push(trigger),
    })
    entity.grownBytesMax += grown
    if (event.messageId !== '') entity.recent.add(event.messageId, event.timestamp)
    const version = { offset: entity.offset, revision: entity.revision }
    entity.offset = era * eraSize + reader.offset
    entity.revision = 0
    if (before && encodeEntity(job, entity).length > job.stateBytesMax) {
      const restored = decodeEntity(job, entity.key, before)
      restored.offset = version.offset
      states.replace(restored)
      throw new BadRecord(
        'state_too_large',
        `with this event the state would exceed its ${job.stateBytesMax} bytes (stateBytesMax of job ${job.name})`,
      )
    }
    entity.eventAt = event.timestamp
    entity.asOf = Math.max(entity.asOf, event.timestamp)
    entity.receivedAt = event.receivedAt ?? reader.timestamp
    this.#changed(entity)
  }

  #fire(entity: Entity<State>): void {
    const { job, watermark, states, inHand } = this.#options
    const timer = job.nextTimer(entity.state) as Timer
    inHand(entity.offset)
    this.#emitted.length = 0
    this.#timersFired++
    this.counts.timers++
    try {
      job.fire(entity.state, timer, {
        key: entity.key,
        watermark: watermark.time,
        emit: trigger => this.#emitted.push(trigger),
      })
      entity.asOf = Math.max(entity.asOf, timer.time)
      entity.revision++
    } catch (error) {
      job.cancel(entity.state, timer)
      this.#emitted.length = 0
      const fault = faultOf(error)
      this.#toDead(fault.code, deadTimer(entity.key, timer, fault))
    }
    states.markDirty(entity)
    this.#changed(entity)
  }

  /** The state has changed: its triggers, its timer and its place in the next commit follow. */
  #changed(entity: Entity<State>): void {
    const { job, states, timers } = this.#options
    for (const trigger of this.#emitted)
      this.#side.triggers.push(triggerRecord(job, entity, trigger))
    this.counts.triggers += this.#emitted.length
    states.markDirty(entity)
    const timerAt = job.nextTimer(entity.state)?.time
    if (timerAt !== undefined && timerAt !== entity.timerAt) timers.schedule(timerAt, entity.key)
    entity.timerAt = timerAt
  }

  /** A user whose key hashes elsewhere lives elsewhere: his state would be in two places. */
  #checkPartition(userId: string): void {
    const { partition, partitions } = this.#options
    const length = this.#keyBytes.write(userId)
    const home = partitionFor(this.#keyBytes.subarray(0, length), partitions)
    if (home === partition) return
    throw new BadRecord(
      'wrong_partition',
      `the user's partition is ${home} of ${partitions} (murmur2 of userId), the record lies in ${partition}; key records by userId`,
    )
  }

  #isLate(reader: RecordReader, eventTime: number, watermark: number): void {
    const { job, partition } = this.#options
    const origin = {
      topic: job.input,
      partition,
      offset: reader.offset,
      appendedAt: reader.timestamp,
    }
    const reason = `event time ${new Date(eventTime).toISOString()} is more than ${job.latenessMs} ms behind the watermark ${new Date(watermark).toISOString()}`
    this.#side.late.push(
      deadRecord(origin, { key: reader.key(), value: reader.value() }, { code: 'late', reason }),
    )
    this.counts.late++
  }

  #toDead(code: string, record: OutgoingRecord): void {
    this.#side.dead.push(record)
    this.counts.dead.set(code, (this.counts.dead.get(code) ?? 0) + 1)
  }
}

/** Code and reason for the dead letters. A job may throw anything. */
function faultOf(error: unknown): { code: string; reason: string } {
  if (error instanceof BadRecord || error instanceof JobError)
    return { code: error.code, reason: error.message }
  return {
    code: 'job_threw',
    reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  }
}
