import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { attribute, batchChecksum, batchField } from '../protocol/batch-header.ts'
import {
  type BatchHeader,
  controlType,
  encodeRecordBatch,
  RecordReader,
  readBatchHeader,
  writeInt64,
} from '../protocol/record-batch.ts'
import type { Clock } from '../runtime/clock.ts'
import { KafkaError } from './kafka-error.ts'
import type { BrokerLog } from './log.ts'
import { ProducerState } from './producer-state.ts'
import { type Aborted, Segment } from './segment.ts'
import { openSegments, saveSegment } from './segment-files.ts'
import type { TopicConfig } from './topic-config.ts'

export interface PartitionOptions {
  /** Of this partition alone; it exists. */
  readonly folder: string
  readonly name: string
  readonly clock: Clock
  readonly log: BrokerLog
  /** Asked each time, since it can be altered. */
  readonly config: () => TopicConfig
}

export interface Appended {
  readonly baseOffset: number
  /** Epoch ms in a topic with LogAppendTime, else −1. */
  readonly appendTime: number
}

export interface ReadOptions {
  readonly bytesMax: number
  readonly committed: boolean
  /** The first batch is given also when it alone is larger than `bytesMax`. */
  readonly atLeastOne: boolean
}

export interface ReadResult {
  readonly records: Buffer
  readonly aborted: readonly Aborted[]
}

const NOTHING: ReadResult = { records: Buffer.alloc(0), aborted: [] }

/**
 * The log of one partition: segments on disk, of which the last takes appends. One process, so what is written is
 * replicated as far as it ever will be: the high watermark is the end.
 *
 * An append is acknowledged when the operating system has it, as in Kafka: a killed process loses nothing, a power
 * cut can lose the unsynced tail. Files are synced when a segment is rolled and when the log is closed.
 */
export class PartitionLog {
  readonly options: PartitionOptions
  readonly producers = new ProducerState()
  /** Called after each change that a waiting reader may care about. */
  readonly watchers = new Set<() => void>()
  /** Ascending; the last one is active. Only retention, compaction and appends change it. */
  segments: Segment[]
  startOffset: number
  closed = false
  /** Records below are compacted; where the next compaction's dirty part begins. */
  cleanedTo = 0
  private syncing: Promise<void> = Promise.resolve()

  constructor(options: PartitionOptions) {
    this.options = options
    this.segments = openSegments(
      options,
      (segment, batch, header) => this.absorb(segment, batch, header, header.maxTimestamp),
      this.producers,
    )
    const [first] = this.segments
    this.startOffset = Math.max(first?.baseOffset ?? 0, readStart(options.folder))
    if (this.segments.length === 0) this.segments = [new Segment(options.folder, this.startOffset)]
  }

  get active(): Segment {
    return this.segments.at(-1) as Segment
  }

  get endOffset(): number {
    return this.active.nextOffset
  }

  /** All below is committed or aborted. */
  get lastStableOffset(): number {
    return this.producers.firstOpenOffset ?? this.endOffset
  }

  get byteLength(): number {
    return this.segments.reduce((sum, segment) => sum + segment.byteLength, 0)
  }

  /**
   * Appends a client's batch, which was checked, giving it its offsets in place. A batch of an idempotent producer
   * that is already here is not appended again: the answer is where it is.
   */
  append(batch: Buffer, header: BatchHeader): Appended {
    this.assertOpen()
    const now = this.options.clock.now()
    const byProducer = header.producerId >= 0
    const seen = byProducer ? this.producers.check(header) : undefined
    if (seen !== undefined)
      return { baseOffset: seen.baseOffset, appendTime: this.appendsTime ? seen.appendedAt : -1 }
    stamp(batch, this.appendsTime ? now : undefined)
    const { baseOffset } = this.write(batch, now)
    return { baseOffset, appendTime: this.appendsTime ? now : -1 }
  }

  /** Appends the marker that ends a producer's transaction here. */
  appendMarker(producerId: number, producerEpoch: number, type: 'commit' | 'abort'): void {
    this.assertOpen()
    this.producers.checkMarker(producerId, producerEpoch)
    const now = this.options.clock.now()
    const key = Buffer.from([0, 0, 0, type === 'commit' ? 1 : 0])
    const value = Buffer.alloc(6) // version 0, coordinator epoch 0
    const batch = encodeRecordBatch([{ key, value }], {
      now,
      producerId,
      producerEpoch,
      transactional: true,
    })
    batch.writeInt16BE(attribute.transactional | attribute.control, batchField.attributes)
    stamp(batch, this.appendsTime ? now : undefined)
    this.write(batch, now)
  }

  /** Batches from the one that holds `offset` on, of one segment. Throws OFFSET_OUT_OF_RANGE. */
  read(offset: number, options: ReadOptions): ReadResult {
    this.assertOpen()
    if (offset < this.startOffset || offset > this.endOffset) {
      const message = `${this.options.name} has offsets ${this.startOffset} to ${this.endOffset}, not ${offset}`
      throw new KafkaError('OFFSET_OUT_OF_RANGE', message)
    }
    const end = options.committed ? this.lastStableOffset : this.endOffset
    if (offset >= end) return NOTHING
    const first = this.segmentIndex(offset)
    const segment = this.segments[first]
    if (segment === undefined || segment.baseOffset >= end) return NOTHING
    const position = segment.positionOf(offset)
    const bytes = segment.positionOf(end) - position
    const records = this.wholeBatches(
      segment,
      position,
      Math.min(bytes, options.bytesMax),
      options.atLeastOne && bytes > 0,
    )
    const aborted = options.committed
      ? this.abortedWithin(first, offset, nextOffsetOf(records))
      : []
    return { records, aborted }
  }

  /** How much `read` would find, up to `bytesMax`. */
  available(offset: number, { committed, bytesMax }: ReadOptions): number {
    const end = committed ? this.lastStableOffset : this.endOffset
    if (offset >= end) return 0
    const segment = this.segments[this.segmentIndex(offset)]
    if (segment === undefined || segment.baseOffset >= end) return 0
    return Math.min(segment.positionOf(end) - segment.positionOf(offset), bytesMax)
  }

  /** The first record, from the start on, with a timestamp of at least `time`. */
  offsetAtTime(time: number): { offset: number; timestamp: number } | undefined {
    for (const segment of this.segments) {
      const header = segment.batchAtTime(time, this.startOffset)
      if (header === undefined) continue
      const batch = segment.read(header.position, header.byteLength)
      if (header.control) return { offset: header.baseOffset, timestamp: header.maxTimestamp }
      const reader = new RecordReader(batch)
      while (reader.next()) {
        const { offset, timestamp } = reader
        if (timestamp >= time && offset >= this.startOffset) return { offset, timestamp }
      }
    }
    return undefined
  }

  /** Forgets the records before `offset`, and the segments that hold nothing else. */
  deleteBefore(offset: number): void {
    if (offset <= this.startOffset) return
    this.startOffset = offset
    writeStart(this.options.folder, offset)
    while (this.segments.length > 1 && (this.segments[0]?.nextOffset ?? 0) <= offset)
      this.segments.shift()?.remove()
    this.notify()
  }

  /** Seals the active segment, so that it can be compacted or deleted. */
  roll(): void {
    const sealed = this.active
    if (sealed.byteLength === 0) return
    const producers = this.producers.save()
    this.segments.push(new Segment(this.options.folder, sealed.nextOffset))
    this.syncing = this.syncing.then(async () => {
      if (!this.segments.includes(sealed)) return
      await sealed.syncLater()
      if (this.segments.includes(sealed)) saveSegment(sealed, producers)
    })
    this.syncing.catch((error: unknown) => {
      this.options.log({
        level: 'error',
        message: `could not sync a segment of ${this.options.name}: ${error}`,
      })
    })
  }

  async close(): Promise<void> {
    this.closed = true
    this.notify()
    await this.syncing
    this.active.sync()
    if (this.active.byteLength > 0) saveSegment(this.active, this.producers.save())
    for (const segment of this.segments) segment.close()
  }

  /** Closes without saving anything: the folder is about to be deleted. */
  abandon(): void {
    this.closed = true
    const { segments } = this
    this.segments = [this.active]
    this.syncing.finally(() => {
      for (const segment of segments) segment.close()
    })
    this.notify()
  }

  notify(): void {
    for (const watcher of [...this.watchers]) watcher()
  }

  private get appendsTime(): boolean {
    return this.options.config()['message.timestamp.type'] === 'LogAppendTime'
  }

  private write(batch: Buffer, now: number): BatchHeader {
    this.rollIfDue(batch.length, now)
    writeInt64(batch, this.endOffset, batchField.baseOffset)
    batch.writeInt32BE(0, batchField.leaderEpoch)
    const header = readBatchHeader(batch, 0)
    if (header === undefined) throw new KafkaError('CORRUPT_MESSAGE', 'a batch is cut off')
    const segment = this.active
    segment.append(batch, header, now)
    this.absorb(segment, batch, header, now)
    this.notify()
    return header
  }

  private absorb(segment: Segment, batch: Buffer, header: BatchHeader, now: number): void {
    const { producerId } = header
    if (producerId < 0) return
    if (!header.control) {
      this.producers.appended(header, now)
      return
    }
    const firstOffset = this.producers.ended(header, now)
    if (firstOffset !== undefined && controlType(batch, { ...header, position: 0 }) === 'abort') {
      segment.aborted.push({ producerId, firstOffset, lastOffset: header.lastOffset })
    }
  }

  private rollIfDue(bytes: number, now: number): void {
    const { active } = this
    const config = this.options.config()
    const tooLarge = active.byteLength + bytes > config['segment.bytes']
    const lag = Math.min(config['segment.ms'], config['max.compaction.lag.ms'])
    const tooOld = active.firstAppendAt >= 0 && now - active.firstAppendAt > lag
    if (tooLarge || tooOld) this.roll()
  }

  private wholeBatches(
    segment: Segment,
    position: number,
    bytes: number,
    atLeastOne: boolean,
  ): Buffer {
    const records = segment.read(position, bytes)
    const whole = wholeBytes(records)
    if (whole > 0 || !atLeastOne) return records.subarray(0, whole)
    const first = segment.find(position, () => true)
    return first === undefined ? NOTHING.records : segment.read(position, first.byteLength)
  }

  private abortedWithin(first: number, from: number, to: number): Aborted[] {
    const found: Aborted[] = []
    for (let index = first; index < this.segments.length; index++) {
      for (const each of this.segments[index]?.aborted ?? []) {
        if (each.lastOffset >= from && each.firstOffset < to) found.push(each)
      }
    }
    return found
  }

  /** Of the first segment that reaches `offset`. */
  private segmentIndex(offset: number): number {
    let low = 0
    let high = this.segments.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.segments[middle]?.lastOffset ?? 0) < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  private assertOpen(): void {
    if (this.closed)
      throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `${this.options.name} was deleted`)
  }
}

/** Gives the batch its timestamp type, and with it the broker's time if it has that type. */
function stamp(batch: Buffer, appendTime: number | undefined): void {
  const attributes = batch.readInt16BE(batchField.attributes)
  if (appendTime === undefined) {
    batch.writeInt16BE(attributes & ~attribute.appendTime, batchField.attributes)
    if ((attributes & (attribute.appendTime | attribute.control)) === 0) return
  } else {
    batch.writeInt16BE(attributes | attribute.appendTime, batchField.attributes)
    writeInt64(batch, appendTime, batchField.maxTimestamp)
  }
  batch.writeUInt32BE(batchChecksum(batch, 0, batch.length), batchField.crc)
}

/** How much of it is whole batches. */
function wholeBytes(records: Buffer): number {
  let at = 0
  while (at + 12 <= records.length) {
    const end = at + 12 + records.readInt32BE(at + batchField.length)
    if (end > records.length) break
    at = end
  }
  return at
}

function nextOffsetOf(records: Buffer): number {
  let next = 0
  for (
    let header = readBatchHeader(records, 0);
    header;
    header = readBatchHeader(records, header.position + header.byteLength)
  ) {
    next = header.lastOffset + 1
  }
  return next
}

const startPath = (folder: string) => join(folder, 'start-offset')

function readStart(folder: string): number {
  try {
    return Number(readFileSync(startPath(folder), 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}

function writeStart(folder: string, offset: number): void {
  const path = startPath(folder)
  writeFileSync(`${path}.new`, String(offset))
  renameSync(`${path}.new`, path)
}
