import { partitionFor } from '../protocol/murmur2.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import type { Log, Producer } from '../runtime/log.ts'
import type { Sink, SinkRecord } from './sink.ts'

/** Straight to the brokers, what waits in one send; it waits while they are away. */
export class DirectSink implements Sink {
  readonly #log: Pick<Log, 'topics'>
  readonly #producer: Producer
  readonly #partitions = new Map<string, number>()
  #waiting: SinkRecord[] = []
  #sending: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(log: Pick<Log, 'topics' | 'producer'>) {
    this.#log = log
    this.#producer = log.producer()
  }

  put(records: readonly SinkRecord[]): Promise<void> {
    for (const record of records) this.#waiting.push(record)
    this.#next ??= this.#sending.then(() => {
      this.#next = undefined
      const batch = this.#waiting
      this.#waiting = []
      this.#sending = this.#send(batch)
      return this.#sending
    })
    return this.#next
  }

  async close(): Promise<void> {
    await this.#next
    await this.#sending
    await this.#producer.close()
  }

  async #send(records: readonly SinkRecord[]): Promise<void> {
    const appends = new Map<
      string,
      { topic: string; partition: number; records: OutgoingRecord[] }
    >()
    for (const { topic, key, value } of records) {
      const partitions =
        this.#partitions.get(topic) ?? (await this.#log.topics.ranges(topic)).length
      this.#partitions.set(topic, partitions)
      const partition = key === null ? 0 : partitionFor(Buffer.from(key), partitions)
      const append = appends.get(`${topic}/${partition}`) ?? { topic, partition, records: [] }
      appends.set(`${topic}/${partition}`, append)
      append.records.push({ key, value })
    }
    await this.#producer.send([...appends.values()])
  }
}
