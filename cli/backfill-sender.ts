import { Packr } from 'msgpackr'
import { partitionFor } from '../protocol/murmur2.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import { rekeyedHeader } from '../runtime/rekeyed.ts'
import type { Scratch } from '../runtime/scratch.ts'
import type { BackfillOptions } from './backfill.ts'
import type { Plan } from './backfill-plan.ts'
import { ErasureWatch } from './erasure-watch.ts'

const packr = new Packr({ useRecords: false })
const sendBytesDefault = 256 * 1024

/**
 * Numbers each partition's records and sends them in order, but for those of users who have been erased since their
 * states were made. One who is erased in the very moment between the last look and the send is erased once more.
 */
export class BackfillSender {
  readonly #options: BackfillOptions
  readonly #plan: Plan
  readonly #source: string
  readonly #producer
  readonly #watch: ErasureWatch
  readonly #numbers: number[]
  #gathered: { key: string; partition: number; record: OutgoingRecord }[] = []
  #bytes = 0
  sent = 0

  constructor(options: BackfillOptions, plan: Plan, source: string) {
    this.#options = options
    this.#plan = plan
    this.#source = source
    this.#producer = options.log.producer()
    this.#watch = new ErasureWatch(options, source, plan.read ?? plan.ranges.map(({ end }) => end))
    this.#numbers = plan.ranges.map(() => 0)
  }

  async send(scratch: Scratch): Promise<void> {
    for await (const [key, state] of scratch.entries()) {
      this.#options.signal.throwIfAborted()
      const partition = partitionFor(Buffer.from(key), this.#numbers.length)
      const number = (this.#numbers[partition] as number)++
      const event = { type: 'merge', messageId: '', timestamp: this.#plan.time, userId: key, state }
      const header = `${this.#source}/0/${partition}/${number}`
      const record = { key, value: packr.pack(event), headers: [[rekeyedHeader, header]] as const }
      this.#gathered.push({ key, partition, record })
      this.#bytes += state.length + 200
      const { sendBytesMax = sendBytesDefault } = this.#options
      if (this.#bytes > sendBytesMax) await this.#flush()
    }
  }

  /** Sends what is left. */
  async end(): Promise<void> {
    await this.#flush()
    await this.#watch.look()
    for (const key of this.#watch.resurrected) {
      const event = {
        ...{ type: 'delete', messageId: `${this.#source}:${key}`, userId: key },
        timestamp: this.#plan.time,
      }
      const partition = partitionFor(Buffer.from(key), this.#numbers.length)
      await this.#append([{ partition, record: { key, value: packr.pack(event) } }])
    }
  }

  close(): Promise<void> {
    return this.#producer.close()
  }

  async #flush(): Promise<void> {
    await this.#watch.look()
    const left = this.#gathered.filter(({ key }) => !this.#watch.isErased(key))
    this.#gathered = []
    this.#bytes = 0
    await this.#append(left)
    this.sent += left.length
    this.#options.onProgress('users', left.length)
  }

  async #append(gathered: readonly { partition: number; record: OutgoingRecord }[]) {
    const byPartition = new Map<number, OutgoingRecord[]>()
    for (const { partition, record } of gathered) {
      const records = byPartition.get(partition)
      if (records === undefined) byPartition.set(partition, [record])
      else records.push(record)
    }
    const topic = this.#options.job.input
    await this.#producer.send(
      Array.from(byPartition, ([partition, records]) => ({ topic, partition, records })),
    )
  }
}
