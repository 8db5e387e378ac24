import { partitionFor } from '../protocol/murmur2.ts'
import { encodeRecordBatch, type OutgoingRecord } from '../protocol/record-batch.ts'
import { systemClock } from '../runtime/clock.ts'
import type { WorkloadEvent } from './events.ts'
import { encodeEvent } from './input.ts'
import type { Packed } from './lane-rig.ts'

/** As many as one answer of a broker brings of one partition, some 180 kB. */
const recordsPerBatch = 500

/** Events as a broker keeps them: in batches, by partition, offsets from where the partition's last call ended. */
export class Batches {
  readonly #gathered: OutgoingRecord[][]
  readonly #offsets: number[]

  constructor(partitions: number) {
    this.#gathered = Array.from({ length: partitions }, () => [])
    this.#offsets = new Array<number>(partitions).fill(0)
  }

  *of(events: Iterable<WorkloadEvent>): Generator<Packed> {
    for (const event of events) {
      const { userId } = event
      const partition = partitionFor(Buffer.from(userId), this.#gathered.length)
      const gathered = this.#gathered[partition] ?? []
      gathered.push({ key: userId, value: encodeEvent(event, 'json') })
      if (gathered.length === recordsPerBatch) yield this.#pack(partition)
    }
    for (const [partition, { length }] of this.#gathered.entries())
      if (length > 0) yield this.#pack(partition)
  }

  #pack(partition: number): Packed {
    const records = this.#gathered[partition] ?? []
    const bytes = encodeRecordBatch(records, { now: systemClock.now() })
    const base = this.#offsets[partition] ?? 0
    bytes.writeBigInt64BE(BigInt(base), 0)
    this.#offsets[partition] = base + records.length
    this.#gathered[partition] = []
    return { partition, bytes, records: records.length }
  }
}
