import type { OutgoingRecord } from '../protocol/record-batch.ts'
import { guessBytes, type RecordPack } from '../protocol/record-batch.ts'
import type { PackedAppend } from '../runtime/log.ts'
import { PackPool } from './pack-pool.ts'
import type { SinkFull } from './sink.ts'
import type { SpoolFrame } from './spool-frame.ts'

/** One that waits to hear what became of its records. */
export interface Put {
  safe(): void
  refused(error: SinkFull): void
}

/** Brokers take batches of up to 1 MB if nobody has set it lower; a single record may be larger than this. */
export const PARTITION_BYTES_MAX = 512 * 1024
const BATCH_BYTES_MAX = 4 * 1024 * 1024
const FIRST_BYTES_MIN = 1_024
const FIRST_BYTES_MAX = 64 * 1_024

/** Records that go together, packed as they come: at most one record batch for each partition, 4 MiB in all. */
export class SinkBatch {
  readonly #packs = new Map<string, (RecordPack | undefined)[]>()
  readonly #puts: Put[] = []
  records = 0
  bytes = 0
  /** Whether every partition was chosen by the topic's partition count, and not for the spool only. */
  placed = true

  readonly #firstBytes: number
  readonly #pool: PackPool

  /** `bytesGuess`: of a record batch, as the batch before had it, so that buffers need not grow from nothing. */
  constructor(bytesGuess = 0, pool = new PackPool()) {
    this.#pool = pool
    this.#firstBytes = Math.min(Math.max(bytesGuess, FIRST_BYTES_MIN), FIRST_BYTES_MAX)
  }

  /** Of its record batches. */
  get largestBytes(): number {
    let largest = 0
    for (const [, , pack] of this.#each()) largest = Math.max(largest, pack.byteLength)
    return largest
  }

  /** Takes the record's bytes, unless there is no room: then it answers false. */
  add(topic: string, partition: number, record: OutgoingRecord): boolean {
    const bytes = guessBytes(record)
    if (this.records > 0 && this.bytes + bytes > BATCH_BYTES_MAX) return false
    const pack = this.#packFor(topic, partition)
    const before = pack.byteLength
    if (pack.length > 0 && before + bytes > PARTITION_BYTES_MAX) return false
    pack.add(record)
    this.records++
    this.bytes += pack.byteLength - before
    return true
  }

  /** Tells `put`, too, what becomes of the records. */
  tells(put: Put): void {
    this.#puts.push(put)
  }

  safe(): void {
    for (const put of this.#puts) put.safe()
  }

  refused(error: SinkFull): void {
    for (const put of this.#puts) put.refused(error)
  }

  appends(): PackedAppend[] {
    return [...this.#each()].map(([topic, partition, records]) => ({ topic, partition, records }))
  }

  /** `copied`: what `appends` gave may still be under way. */
  frames(now: number, { copied }: { readonly copied: boolean }): SpoolFrame[] {
    return [...this.#each()].map(([topic, , pack]) => {
      const batch = copied ? pack.sealedCopy({ now }) : pack.seal({ now })
      return { topic, at: now, batch }
    })
  }

  /** Lets other batches have its buffers: nothing of it may be under way any more. */
  recycle(): void {
    for (const [, , pack] of this.#each()) this.#pool.give(pack)
    this.#packs.clear()
  }

  #packFor(topic: string, partition: number): RecordPack {
    const packs = this.#packs.get(topic) ?? []
    const pack = packs[partition] ?? this.#pool.take(this.#firstBytes)
    packs[partition] = pack
    this.#packs.set(topic, packs)
    return pack
  }

  *#each(): Generator<[topic: string, partition: number, pack: RecordPack]> {
    for (const [topic, packs] of this.#packs)
      for (const [partition, pack] of packs.entries())
        if (pack !== undefined && pack.length > 0) yield [topic, partition, pack]
  }
}
