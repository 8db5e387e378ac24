import type { Job, Timer, Trigger } from '../jobs/job.ts'
import type { OutgoingRecord, RecordReader } from '../protocol/record-batch.ts'
import type { Entity } from './entity.ts'
import { deadRecord, deadTimer, triggerRecord } from './outputs.ts'

/** What a commit carries beside rows and states. */
export interface SideRecords {
  readonly triggers: OutgoingRecord[]
  readonly late: OutgoingRecord[]
  readonly dead: OutgoingRecord[]
}

/** What a task has done since its takeover. */
export interface Counts {
  /** Absorbed. */
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
    rows: 0,
    timers: 0,
    dead: new Map(),
  }
  #records: SideRecords = nothing()

  constructor(job: Job, partition: number) {
    this.#job = job
    this.#partition = partition
  }

  get isEmpty(): boolean {
    const { triggers, late, dead } = this.#records
    return triggers.length + late.length + dead.length === 0
  }

  take(): SideRecords {
    const records = this.#records
    this.#records = nothing()
    return records
  }

  /** Triggers that need not wait for the commit. */
  takeTriggers(): OutgoingRecord[] {
    return this.#records.triggers.splice(0)
  }

  trigger<State>(job: Job<State>, entity: Entity<State>, trigger: Trigger): void {
    this.#records.triggers.push(triggerRecord(job, entity, trigger))
    this.counts.triggers++
  }

  late(record: RecordReader, eventTime: number, watermark: number): void {
    const reason =
      `event time ${iso(eventTime)} is more than ${this.#job.latenessMs} ms behind ` +
      `the watermark ${iso(watermark)}`
    this.#records.late.push(this.#letter(record, { code: 'late', reason }))
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
    const origin = { topic: this.#job.input, partition: this.#partition, offset, appendedAt }
    return deadRecord(origin, { key: record.key(), value: record.value() }, fault)
  }

  #bury(code: string, record: OutgoingRecord): void {
    this.#records.dead.push(record)
    this.counts.dead.set(code, (this.counts.dead.get(code) ?? 0) + 1)
  }
}

const nothing = (): SideRecords => ({ triggers: [], late: [], dead: [] })
const iso = (ms: number): string => new Date(ms).toISOString()
