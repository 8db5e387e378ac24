import type { Job, Timer, Trigger } from '../jobs/job.ts'
import type { OutgoingRecord, RecordReader } from '../protocol/record-batch.ts'
import type { Entity } from './entity.ts'
import { erasedRecord } from './erased.ts'
import { deadRecord, deadTimer, triggerRecord } from './outputs.ts'
import { rekeyedHeaders } from './rekeyed.ts'

/** Bytes of payloads, estimated, above which the task waits for a commit. */
export const sideBytesMax = 16 * 1024 * 1024
const recordBytesGuess = 256

/** What a commit carries beside rows and states. */
export interface SideRecords {
  readonly triggers: OutgoingRecord[]
  readonly late: OutgoingRecord[]
  readonly dead: OutgoingRecord[]
  /** For other keys; a forwarder takes them there. */
  readonly rekeyed: OutgoingRecord[]
  /** Who was erased. */
  readonly erased: OutgoingRecord[]
}

/** What a task has done since its takeover. */
export interface Counts {
  /** Absorbed. */
  events: number
  duplicates: number
  late: number
  triggers: number
  rekeyed: number
  /** Records that a forwarder has brought more than once. */
  forwardedAgain: number
  /** Feature rows committed. */
  rows: number
  timers: number
  /** By code. */
  dead: Map<string, number>
}

/** Why a record or a timer could not be taken. */
export interface Fault {
  readonly code: string
  readonly reason: string
}

/** Triggers, late and dead records, until a commit takes them along. */
export class SideOutputs {
  readonly #job: Job
  readonly #partition: number
  readonly counts: Counts = {
    events: 0,
    duplicates: 0,
    late: 0,
    triggers: 0,
    rekeyed: 0,
    forwardedAgain: 0,
    rows: 0,
    timers: 0,
    dead: new Map(),
  }
  #records: SideRecords = nothing()
  #bytes = 0

  constructor(job: Job, partition: number) {
    this.#job = job
    this.#partition = partition
  }

  get isEmpty(): boolean {
    const { triggers, late, dead, rekeyed, erased } = this.#records
    return triggers.length + late.length + dead.length + rekeyed.length + erased.length === 0
  }

  get full(): boolean {
    return this.#bytes >= sideBytesMax
  }

  take(): SideRecords {
    const records = this.#records
    this.#bytes = 0
    this.#records = nothing()
    return records
  }

  /** Triggers that need not wait for the commit. */
  takeTriggers(): OutgoingRecord[] {
    return this.#records.triggers.splice(0)
  }

  trigger<State>(job: Job<State>, entity: Entity<State>, trigger: Trigger): void {
    this.#add('triggers', triggerRecord(job, entity, trigger))
    this.counts.triggers++
  }

  rekeyed(record: OutgoingRecord): void {
    this.#add('rekeyed', record)
    this.counts.rekeyed++
  }

  erased(key: string, { offset, timestamp: appendedAt }: RecordReader, era: number): void {
    this.#add('erased', erasedRecord(this.#job, key, { era, offset, appendedAt }))
  }

  late(record: RecordReader, eventTime: number, watermark: number): void {
    const reason =
      `event time ${iso(eventTime)} is more than ${this.#job.latenessMs} ms behind ` +
      `the watermark ${iso(watermark)}`
    this.#add('late', this.#letter(record, { code: 'late', reason }))
    this.counts.late++
  }

  dead(record: RecordReader, fault: Fault): void {
    this.#bury(fault.code, this.#letter(record, fault))
  }

  /** Records that cannot even be taken apart, such as a batch of an unknown compression. */
  unreadable(offset: number, reason: string): void {
    const code = 'not_decodable'
    const origin = { topic: this.#job.input, partition: this.#partition, offset, appendedAt: -1 }
    this.#bury(code, deadRecord(origin, { key: null, value: null }, { code, reason }))
  }

  deadTimer(key: string, timer: Timer, fault: Fault): void {
    this.#bury(fault.code, deadTimer(key, timer, fault))
  }

  #letter(record: RecordReader, fault: Fault): OutgoingRecord {
    const { offset, timestamp: appendedAt } = record
    const topic = this.#job.input
    const headers = rekeyedHeaders(record)
    const origin = { topic, partition: this.#partition, offset, appendedAt, headers }
    return deadRecord(origin, { key: record.key(), value: record.value() }, fault)
  }

  #add(kind: keyof SideRecords, record: OutgoingRecord): void {
    this.#records[kind].push(record)
    this.#bytes += (record.value?.length ?? 0) + recordBytesGuess
  }

  #bury(code: string, record: OutgoingRecord): void {
    this.#add('dead', record)
    this.counts.dead.set(code, (this.counts.dead.get(code) ?? 0) + 1)
  }
}

const nothing = (): SideRecords => ({ triggers: [], late: [], dead: [], rekeyed: [], erased: [] })
const iso = (ms: number): string => new Date(ms).toISOString()
