import { crc32c } from '@node-rs/crc32'
import { attribute, batchField } from '../../protocol/batch-header.ts'
import { encodeRecordBatch, type OutgoingRecord, writeInt64 } from '../../protocol/record-batch.ts'
import type { AbortedTransaction } from '../../protocol/visible.ts'

/** Who writes; `undefined` for a plain producer. */
export interface Writer {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface StoredRecord {
  readonly offset: number
  /** Append time, epoch ms. */
  readonly time: number
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

interface StoredBatch {
  readonly bytes: Buffer
  readonly base: number
  readonly last: number
  readonly time: number
  readonly producerId: number
  /** Empty for a control batch. */
  readonly records: readonly StoredRecord[]
}

export interface PartitionFetch {
  /** Whole batches, the last one perhaps cut off, as Kafka cuts files where the bytes are enough. */
  readonly recordSet: Buffer
  readonly aborted: readonly AbortedTransaction[]
}

/** One partition as its leader has it: batches, the transactions open in it, and those that were aborted. */
export class SimPartition {
  readonly topic: string
  readonly partition: number
  private batches: StoredBatch[] = []
  /** Also what retention and compaction took since: what a reader could ever have seen. */
  private readonly everything: StoredBatch[] = []
  private readonly open = new Map<number, number>()
  /** Producers whose open transaction is decided to be committed, and not marked yet. */
  private readonly deciding = new Set<number>()
  private readonly aborted: (AbortedTransaction & { readonly lastOffset: number })[] = []
  private readonly watchers = new Set<() => void>()
  start = 0
  /** High watermark: the next offset to be given. */
  end = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Where reading committed records ends: no record of an open transaction lies below. */
  get lastStable(): number {
    return Math.min(this.end, ...this.open.values())
  }

  /** The answer is the first record's offset. */
  append(records: readonly OutgoingRecord[], now: number, writer?: Writer): number {
    const base = this.end
    const stamped = records.map(record => ({ ...record, timestamp: now }))
    const bytes = encodeRecordBatch(stamped, {
      now,
      transactional: writer !== undefined,
      ...writer,
    })
    if (writer && !this.open.has(writer.producerId)) this.open.set(writer.producerId, base)
    const stored = records.map((record, index) => storedRecord(record, base + index, now))
    this.add(bytes, stored, now, writer?.producerId ?? -1)
    return base
  }

  /** The coordinator has decided to commit the writer's transaction; the marker follows. */
  decide(writer: Writer): void {
    if (this.open.has(writer.producerId)) this.deciding.add(writer.producerId)
  }

  /** Ends the writer's transaction in this partition. A control record takes an offset like any other. */
  mark(writer: Writer, type: 'commit' | 'abort', now: number): void {
    const firstOffset = this.open.get(writer.producerId)
    this.open.delete(writer.producerId)
    this.deciding.delete(writer.producerId)
    const { producerId } = writer
    if (type === 'abort' && firstOffset !== undefined) {
      this.aborted.push({ producerId, firstOffset, lastOffset: this.end })
    }
    this.add(controlBatch(type, writer, now), [], now, producerId)
  }

  /** What a read_committed fetch from `position` brings: up to the last stable offset, at least one batch. */
  fetch(position: number, bytesMax: number): PartitionFetch {
    const stable = this.lastStable
    const parts: Buffer[] = []
    let bytes = 0
    let upTo = position
    for (const batch of this.from(position)) {
      if (batch.base >= stable) break
      const room = bytesMax - bytes
      if (parts.length > 0 && batch.bytes.length > room) {
        if (room > 0) parts.push(batch.bytes.subarray(0, room))
        break
      }
      parts.push(batch.bytes)
      bytes += batch.bytes.length
      upTo = batch.last
    }
    const aborted = this.aborted
      .filter(each => each.lastOffset >= position && each.firstOffset <= upTo)
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
    return { recordSet: Buffer.concat(parts), aborted }
  }

  /** Every record that a read_committed reader sees, from `start` to the last stable offset. */
  committed(): StoredRecord[] {
    return this.visible(this.batches)
  }

  /** As `committed`, with what retention and compaction have removed. */
  everCommitted(): StoredRecord[] {
    return this.visible(this.everything)
  }

  /** As `everCommitted`, with what the coordinator has decided and readers cannot see yet. */
  everDecided(): StoredRecord[] {
    const open = [...this.open].filter(([producerId]) => !this.deciding.has(producerId))
    return this.visible(this.everything, Math.min(this.end, ...open.map(([, first]) => first)))
  }

  /** Calls back once, when something was appended or marked. */
  onChange(watcher: () => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  /** Retention: what lies below `start` is gone. */
  moveStart(start: number): void {
    if (start > this.end) throw new RangeError(`start ${start} is beyond the end ${this.end}`)
    this.start = Math.max(this.start, start)
    this.batches = this.batches.filter(batch => batch.last >= this.start)
  }

  /**
   * Below the last stable offset only the newest record of each key stays, under its old offset. Control
   * batches stay, since the list of aborted transactions needs them. The last batch stays too, as in Kafka,
   * whose active segment is never compacted: it holds the end.
   */
  compact(now: number): void {
    const stable = this.lastStable
    const newest = new Map<string | null, number>()
    for (const record of this.committed()) newest.set(record.key, record.offset)
    const kept = this.batches.flatMap((batch, index): StoredBatch[] => {
      const untouched = batch.last >= stable || index === this.batches.length - 1
      if (untouched || batch.records.length === 0) return [batch]
      if (this.aborted.some(each => covers(each, batch))) return []
      const staying = batch.records.filter(({ key, offset }) => newest.get(key) === offset)
      if (staying.length === batch.records.length) return [batch]
      return staying.map(record => ({ ...alone(record), producerId: batch.producerId, time: now }))
    })
    this.batches = kept
  }

  private visible(batches: readonly StoredBatch[], stable = this.lastStable): StoredRecord[] {
    const isAborted = (batch: StoredBatch) => this.aborted.some(each => covers(each, batch))
    return batches
      .filter(batch => batch.base < stable && !isAborted(batch))
      .flatMap(batch => batch.records)
  }

  private add(
    bytes: Buffer,
    records: readonly StoredRecord[],
    time: number,
    producerId: number,
  ): void {
    const base = this.end
    const last = base + Math.max(records.length, 1) - 1
    writeInt64(bytes, base, batchField.baseOffset)
    const batch = { bytes, base, last, time, producerId, records }
    this.batches.push(batch)
    this.everything.push(batch)
    this.end = last + 1
    const watchers = [...this.watchers]
    this.watchers.clear()
    for (const watcher of watchers) watcher()
  }

  /** From the batch on that holds `position`, or the first one after it. */
  private from(position: number): StoredBatch[] {
    let low = 0
    let high = this.batches.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.batches[middle]?.last ?? 0) < position) low = middle + 1
      else high = middle
    }
    return this.batches.slice(low, low + 1_000)
  }
}

function covers(
  aborted: AbortedTransaction & { readonly lastOffset: number },
  batch: StoredBatch,
): boolean {
  const { producerId, firstOffset, lastOffset } = aborted
  return batch.producerId === producerId && batch.base >= firstOffset && batch.last <= lastOffset
}

function storedRecord(record: OutgoingRecord, offset: number, time: number): StoredRecord {
  const { key, value, headers } = record
  return {
    offset,
    time,
    key: key === null ? null : text(key),
    value: value === null ? null : Buffer.from(value),
    headers: Object.fromEntries((headers ?? []).map(([name, content]) => [name, text(content)])),
  }
}

function text(value: Uint8Array | string): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString()
}

/** A batch of one record that survived its neighbours. */
function alone(record: StoredRecord): Pick<StoredBatch, 'bytes' | 'base' | 'last' | 'records'> {
  const { offset, key, value, headers, time } = record
  const outgoing = { key, value, headers: Object.entries(headers), timestamp: time }
  const bytes = encodeRecordBatch([outgoing], { now: time })
  writeInt64(bytes, offset, batchField.baseOffset)
  return { bytes, base: offset, last: offset, records: [record] }
}

/** https://kafka.apache.org/documentation/#controlbatch: key is version and type, value version and coordinator epoch. */
function controlBatch(type: 'commit' | 'abort', writer: Writer, now: number): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'commit' ? 1 : 0])
  const record = { key, value: Buffer.from([0, 0, 0, 0, 0, 0]), timestamp: now }
  const bytes = encodeRecordBatch([record], { now, transactional: true, ...writer })
  bytes.writeInt16BE(attribute.transactional | attribute.control, batchField.attributes)
  bytes.writeUInt32BE(crc32c(bytes.subarray(batchField.attributes)), batchField.crc)
  return bytes
}
