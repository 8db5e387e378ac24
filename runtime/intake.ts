import { RecordReader } from '../protocol/record-batch.ts'
import { type Batch, type NextOffset, nextOffset } from './log.ts'

export interface IntakeEvents {
  /** All records of a batch are done. */
  onBatchDone(batch: Batch): void
  /** The rest of a batch cannot be taken apart, and is passed over. */
  onUnreadable(offset: NextOffset, reason: string): void
}

/** A task's input: the batches that wait, and where it stands in them. */
export class Intake {
  readonly #events: IntakeEvents
  readonly #queue: Batch[] = []
  #current: { batch: Batch; records: RecordReader } | undefined
  #next: NextOffset
  #last: number
  #appendedAt: number
  #moreInLog = false

  constructor(from: { next: NextOffset; last: number; appendedAt: number }, events: IntakeEvents) {
    this.#events = events
    this.#next = from.next
    this.#last = from.last
    this.#appendedAt = from.appendedAt
  }

  /** The first offset that is not done. */
  get next(): NextOffset {
    return this.#next
  }

  /** Offset and append time (epoch ms) of the last record done; -1 before the first. */
  get last(): number {
    return this.#last
  }

  get appendedAt(): number {
    return this.#appendedAt
  }

  /** Whether there is more than the batch in hand: here, or in the log when the newest batch was fetched. */
  get backlog(): boolean {
    return this.#queue.length > 0 || this.#moreInLog
  }

  get empty(): boolean {
    return this.#queue.length === 0 && this.#current === undefined
  }

  /** A batch that does not begin where the last one ended would lose or repeat records: it is not taken. */
  offer(batch: Batch): boolean {
    const expected = this.#queue.at(-1)?.next ?? this.#current?.batch.next ?? this.#next
    if (batch.fetched !== expected) return false
    this.#queue.push(batch)
    this.#moreInLog = batch.next < batch.end
    return true
  }

  /** Stands on the next record, or answers `undefined`: none is here. `done` follows before the next call. */
  record(): RecordReader | undefined {
    for (;;) {
      this.#current ??= this.#open()
      if (!this.#current) return undefined
      const { batch, records } = this.#current
      if (!this.#move(records, batch)) this.#end(batch)
      else if (records.offset >= this.#next) return records // a batch may begin before the asked offset
    }
  }

  done(records: RecordReader): void {
    this.#next = nextOffset(records.offset + 1)
    this.#last = records.offset
    this.#appendedAt = records.timestamp
  }

  #open(): { batch: Batch; records: RecordReader } | undefined {
    const batch = this.#queue.shift()
    return batch && { batch, records: new RecordReader(batch.records) }
  }

  #move(records: RecordReader, batch: Batch): boolean {
    try {
      return records.next()
    } catch (error) {
      const range = `${this.#next} to ${batch.next - 1}`
      this.#events.onUnreadable(
        this.#next,
        `records ${range} cannot be read: ${(error as Error).message}`,
      )
      return false
    }
  }

  #end(batch: Batch): void {
    this.#next = batch.next
    this.#current = undefined
    this.#events.onBatchDone(batch)
  }
}
