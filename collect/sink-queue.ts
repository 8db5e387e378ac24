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
  readonly #lingerMs: number
  readonly #partitions: Pick<TopicPartitions, 'of'>
  readonly #batches: SinkBatch[] = []
  /** Of the largest record batch of the batch that went last. */
  #bytesGuess = 0
  #closed = false
  #wake: () => void = () => undefined

  /** `lingerMs`: how long a batch waits for more, at least; 0: until what has arrived at the process is read. */
  constructor(clock: Clock, lingerMs: number, partitions: Pick<TopicPartitions, 'of'>) {
    this.#clock = clock
    this.#lingerMs = lingerMs
    this.#partitions = partitions
  }

  /** Settles when all of them are safe, or one was refused. The bytes are copied. */
  add(records: readonly SinkRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = 0
      const safe = () => {
        left--
        if (left === 0) resolve()
      }
      const put: Put = { safe, refused: reject }
      let last: SinkBatch | undefined
      for (const record of records) {
        const batch = this.#batchWith(record)
        if (batch === last) continue
        last = batch
        left++
        batch.tells(put)
      }
      if (left === 0) resolve()
      this.#wake()
    })
  }

  /** The oldest batch, when it has lingered; `undefined` when the queue is closed and empty. One call at a time. */
  async next(): Promise<SinkBatch | undefined> {
    while (this.#batches.length === 0) {
      if (this.#closed) return undefined
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    await this.#linger(this.#batches[0])
    const batch = this.#batches.shift()
    this.#bytesGuess = batch?.largestBytes ?? 0
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
      batch = new SinkBatch(this.#clock.elapsed(), this.#bytesGuess)
      this.#batches.push(batch)
      batch.add(record.topic, partition ?? 0, record)
      this.bytes += batch.bytes
    } else this.bytes += batch.bytes - before
    if (partition === undefined) batch.placed = false
    return batch
  }

  async #linger(batch: SinkBatch | undefined): Promise<void> {
    if (batch === undefined || this.#closed || this.#batches.length > 1) return
    if (this.#lingerMs === 0) return this.#clock.turn()
    const left = batch.since + this.#lingerMs - this.#clock.elapsed()
    if (left > 0) await this.#clock.sleep(left)
  }
}
