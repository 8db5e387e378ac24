import type { Clock } from '../runtime/clock.ts'
import type { SinkFull, SinkRecord } from './sink.ts'
import { type Put, SinkBatch } from './sink-batch.ts'
import type { TopicPartitions } from './topic-partitions.ts'

/**
 * What was put and is not safe yet, in order. Records of many puts gather in one batch while it waits for its
 * turn: since one batch goes out at a time, the slower the way, the larger the batches.
 */
export class SinkQueue {
  /** Of all records that are not safe yet. */
  bytes = 0
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #partitions: Pick<TopicPartitions, 'of'>
  readonly #batches: SinkBatch[] = []
  /** Of the largest record batch of the batch that went last. */
  #bytesGuess = 0
  /** Of the clock's `elapsed`. */
  #wentAt = Number.NEGATIVE_INFINITY
  #closed = false
  #wake: () => void = () => undefined

  /**
   * `everyMs`: a batch follows the last one no sooner; what comes after a pause goes at once. Each send costs the
   * broker and us as much as twenty events, so that many small ones would take the processor from the requests.
   */
  constructor(clock: Clock, everyMs: number, partitions: Pick<TopicPartitions, 'of'>) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#partitions = partitions
  }

  /** Settles when all of them are safe, or one was refused. The bytes are copied. */
  add(records: readonly SinkRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const put = new Waiting(resolve, reject)
      let last: SinkBatch | undefined
      for (const record of records) {
        const batch = this.#batchWith(record)
        if (batch === last) continue
        last = batch
        put.batches++
        batch.tells(put)
      }
      if (last === undefined) resolve()
      this.#wake()
    })
  }

  /** The oldest batch, when it is its time; `undefined` when the queue is closed and empty. One call at a time. */
  async next(): Promise<SinkBatch | undefined> {
    while (this.#batches.length === 0) {
      if (this.#closed) return undefined
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    await this.#linger()
    const batch = this.#batches.shift()
    this.#bytesGuess = batch?.largestBytes ?? 0
    this.#wentAt = this.#clock.elapsed()
    return batch
  }

  /** All of the batch is safe: whoever put a part of it is told. */
  safe(batch: SinkBatch): void {
    this.bytes -= batch.bytes
    batch.safe()
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
    const partition = this.#partitions.of(record.topic, record.key)
    let batch = this.#batches.at(-1)
    const before = batch?.bytes ?? 0
    if (batch === undefined || !batch.add(record.topic, partition ?? 0, record)) {
      batch = new SinkBatch(this.#bytesGuess)
      this.#batches.push(batch)
      batch.add(record.topic, partition ?? 0, record)
      this.bytes += batch.bytes
    } else this.bytes += batch.bytes - before
    if (partition === undefined) batch.placed = false
    return batch
  }

  async #linger(): Promise<void> {
    if (this.#closed || this.#batches.length > 1) return
    const left = this.#wentAt + this.#everyMs - this.#clock.elapsed()
    if (left > 0) await this.#clock.sleep(left)
    else await this.#clock.turn() // what has arrived at the process is read first
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
