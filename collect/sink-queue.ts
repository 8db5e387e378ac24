import type { Clock } from '../runtime/clock.ts'
import { PackPool } from './pack-pool.ts'
import type { SinkFull, SinkRecord } from './sink.ts'
import { type Put, SinkBatch } from './sink-batch.ts'
import type { TopicPartitions } from './topic-partitions.ts'

export interface SinkQueueOptions {
  readonly clock: Clock
  /**
   * A batch follows the last one no sooner, ms; what comes after a pause goes at once. Each send costs the broker and
   * us as much as twenty events.
   */
  readonly everyMs: number
  readonly partitions: Pick<TopicPartitions, 'of'>
  /** Told of each batch before it has its first record. */
  readonly begins?: (batch: SinkBatch) => void
}

/**
 * What was put and is not safe yet, in order. Records of many puts gather in one batch while it waits for its
 * turn: since one batch goes out at a time, the slower the way, the larger the batches.
 */
export class SinkQueue {
  /** Of all records that are not safe yet. */
  bytes = 0
  readonly #options: SinkQueueOptions
  readonly #pool = new PackPool()
  #batches: SinkBatch[] = []
  /** The next record begins a batch. */
  #isCut = false
  /** Of the largest record batch of the batch that went last. */
  #bytesGuess = 0
  /** Of the clock's `elapsed`. */
  #wentAt = Number.NEGATIVE_INFINITY
  #closed = false
  #wake: () => void = () => undefined

  constructor(options: SinkQueueOptions) {
    this.#options = options
  }

  /**
   * Settles when all of them are safe, or one was refused. The bytes are copied.
   *
   * @param before told of each record before it is taken
   */
  add(records: readonly SinkRecord[], before?: (record: SinkRecord) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const put = new Waiting(resolve, reject)
      this.#push(records, put, before)
      if (put.batches === 0) resolve()
    })
  }

  /** As `add`, where nobody waits. */
  push(records: readonly SinkRecord[]): void {
    this.#push(records)
  }

  #push(
    records: readonly SinkRecord[],
    put?: Waiting,
    before?: (record: SinkRecord) => void,
  ): void {
    let last: SinkBatch | undefined
    for (const record of records) {
      before?.(record)
      const batch = this.#batchWith(record)
      if (put === undefined || batch === last) continue
      last = batch
      put.batches++
      batch.tells(put)
    }
    this.#wake()
  }

  /** What is put from now on is in no batch with what was put before. */
  cut(): void {
    this.#isCut = true
  }

  /** Forgets all that nobody has asked for yet, and tells nobody. */
  clear(): void {
    for (const batch of this.#batches) this.bytes -= batch.bytes
    this.#batches = []
  }

  /** The oldest batch, when it is its time; `undefined` when the queue is closed and empty. One call at a time. */
  async next(): Promise<SinkBatch | undefined> {
    for (;;) {
      while (this.#batches.length === 0) {
        if (this.#closed) return undefined
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
      await this.#linger()
      const batch = this.#batches.shift()
      if (batch === undefined) continue // cleared meanwhile
      this.#bytesGuess = batch.largestBytes
      this.#wentAt = this.#options.clock.elapsed()
      return batch
    }
  }

  /** All of the batch is safe: whoever put a part of it is told. `done`: nothing of it is under way any more. */
  safe(batch: SinkBatch, { done = false } = {}): void {
    this.bytes -= batch.bytes
    batch.safe()
    if (done) batch.recycle()
  }

  /** Nobody keeps any of it. */
  refused(batch: SinkBatch, error: SinkFull): void {
    this.bytes -= batch.bytes
    batch.refused(error)
  }

  close(): void {
    this.#closed = true
    this.#wake()
  }

  #batchWith(record: SinkRecord): SinkBatch {
    const { partitions, begins } = this.#options
    const partition = partitions.of(record.topic, record.key)
    let batch = this.#isCut ? undefined : this.#batches.at(-1)
    const before = batch?.bytes ?? 0
    if (batch === undefined || !batch.add(record.topic, partition ?? 0, record)) {
      batch = new SinkBatch(this.#bytesGuess, this.#pool)
      this.#isCut = false
      this.#batches.push(batch)
      begins?.(batch)
      batch.add(record.topic, partition ?? 0, record)
      this.bytes += batch.bytes
    } else this.bytes += batch.bytes - before
    if (partition === undefined) batch.placed = false
    return batch
  }

  async #linger(): Promise<void> {
    if (this.#closed || this.#batches.length > 1) return
    const { clock, everyMs } = this.#options
    const left = this.#wentAt + everyMs - clock.elapsed()
    if (left > 0) await clock.sleep(left)
    else await clock.turn() // what has arrived at the process is read first
  }
}

/** Waits for all batches that have some of its records, nearly always one. */
class Waiting implements Put {
  batches = 0
  readonly #resolve: () => void
  readonly refused: (error: SinkFull) => void

  constructor(resolve: () => void, reject: (error: SinkFull) => void) {
    this.#resolve = resolve
    this.refused = reject
  }

  safe(): void {
    if (--this.batches === 0) this.#resolve()
  }
}
