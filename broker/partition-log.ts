import { batchField } from '../protocol/batch-header.ts'
import {
  type BatchHeader,
  controlType,
  readBatchHeader,
  writeInt64,
} from '../protocol/record-batch.ts'
import type { Clock } from '../runtime/clock.ts'
import { encodeMarker, stamp } from './batch-bytes.ts'
import { KafkaError } from './kafka-error.ts'
import type { BrokerLog } from './log.ts'
import { readOffset, writeOffset } from './offset-file.ts'
import { ProducerState, type SavedProducers } from './producer-state.ts'
import { Segment } from './segment.ts'
import { openSegments, saveSegment } from './segment-files.ts'
import {
  bytesAvailable,
  findTime,
  type ReadOptions,
  type ReadResult,
  readSegments,
} from './segment-reading.ts'
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

export interface PartitionRead extends ReadOptions {
  /** Nothing at or after the last stable offset, and with the aborted transactions. */
  readonly committed: boolean
}

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
  cleanedTo: number
  private syncing: Promise<void> = Promise.resolve()

  constructor(options: PartitionOptions) {
    this.options = options
    this.segments = openSegments(
      options,
      (segment, batch, header) => this.absorb(segment, batch, header, header.maxTimestamp),
      this.producers,
    )
    const [first] = this.segments
    this.startOffset = Math.max(first?.baseOffset ?? 0, readOffset(options.folder, 'start-offset'))
    this.cleanedTo = readOffset(options.folder, 'cleaned-offset')
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
    const time = (at: number) => (this.appendsTime ? at : -1)
    const seen = header.producerId < 0 ? undefined : this.producers.check(header)
    if (seen) return { baseOffset: seen.baseOffset, appendTime: time(seen.appendedAt) }
    stamp(batch, this.appendsTime ? now : undefined)
    return { baseOffset: this.write(batch, now).baseOffset, appendTime: time(now) }
  }

  /** Appends the marker that ends a producer's transaction here. */
  appendMarker(producerId: number, producerEpoch: number, type: 'commit' | 'abort'): void {
    this.assertOpen()
    this.producers.checkMarker(producerId, producerEpoch)
    const now = this.options.clock.now()
    const batch = encodeMarker(producerId, producerEpoch, type, now)
    stamp(batch, this.appendsTime ? now : undefined)
    this.write(batch, now)
  }

  /** Batches from the one that holds `offset` on, of one segment. Throws OFFSET_OUT_OF_RANGE. */
  read(offset: number, options: PartitionRead): ReadResult {
    this.assertOpen()
    if (offset < this.startOffset || offset > this.endOffset) {
      const range = `${this.startOffset} to ${this.endOffset}`
      throw new KafkaError('OFFSET_OUT_OF_RANGE', `expected ${range}, found ${offset}`)
    }
    const end = options.committed ? this.lastStableOffset : this.endOffset
    const result = readSegments(this.segments, offset, end, options)
    return options.committed ? result : { ...result, aborted: [] }
  }

  /** How much `read` would find, up to `bytesMax`. */
  available(offset: number, options: PartitionRead): number {
    const end = options.committed ? this.lastStableOffset : this.endOffset
    return Math.min(bytesAvailable(this.segments, offset, end), options.bytesMax)
  }

  /** The first record, from the start on, with a timestamp of at least `time`. */
  offsetAtTime(time: number): { readonly offset: number; readonly timestamp: number } | undefined {
    return findTime(this.segments, time, this.startOffset)
  }

  /** Forgets the records before `offset`, and the segments that hold nothing else. */
  deleteBefore(offset: number): void {
    if (offset <= this.startOffset) return
    this.startOffset = offset
    writeOffset(this.options.folder, 'start-offset', offset)
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
    this.syncing = this.syncing.then(() => this.seal(sealed, producers))
  }

  async close(): Promise<void> {
    this.closed = true
    this.notify()
    await this.syncing
    if (this.active.byteLength > 0) await this.seal(this.active, this.producers.save())
    for (const segment of this.segments) segment.close()
  }

  /** Closes without saving anything: the folder is about to be deleted. */
  abandon(): void {
    this.closed = true
    const { segments } = this
    this.segments = [this.active]
    this.syncing.then(() => retireAll(segments))
    this.notify()
  }

  notify(): void {
    for (const watcher of [...this.watchers]) watcher()
  }

  /** Resolves when all sealed segments are on disk, with what is known of them. */
  settled(): Promise<void> {
    return this.syncing
  }

  cleanedUpTo(offset: number): void {
    if (this.closed) return
    this.cleanedTo = offset
    writeOffset(this.options.folder, 'cleaned-offset', offset)
  }

  private async seal(segment: Segment, producers: SavedProducers): Promise<void> {
    try {
      if (this.segments.includes(segment)) await segment.syncLater()
      if (this.segments.includes(segment)) saveSegment(segment, producers)
    } catch (error) {
      const { log, name } = this.options
      log({ level: 'error', message: `could not seal a segment of ${name}: ${error}` })
    }
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
    if (!header.control) this.producers.appended(header, now)
    if (!header.control) return
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

  private assertOpen(): void {
    if (this.closed)
      throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `${this.options.name} was deleted`)
  }
}

function retireAll(segments: readonly Segment[]): void {
  for (const segment of segments) segment.retire()
}
