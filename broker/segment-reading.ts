import { RecordReader } from '../protocol/record-batch.ts'
import { nextOffsetOf, wholeBytes } from './batch-bytes.ts'
import type { Segment } from './segment.ts'
import type { Aborted } from './segment-names.ts'

export interface ReadOptions {
  readonly bytesMax: number
  /** The first batch is given also when it alone is larger than `bytesMax`. */
  readonly atLeastOne: boolean
}

export interface ReadResult {
  /** Whole batches. */
  readonly records: Buffer
  /** Transactions that were aborted, of which records may be among these. */
  readonly aborted: readonly Aborted[]
}

const NOTHING: ReadResult = { records: Buffer.alloc(0), aborted: [] }

/** Batches from the one that reaches `offset` on, and below `end`, of the one segment that has it. */
export function readSegments(
  segments: readonly Segment[],
  offset: number,
  end: number,
  options: ReadOptions,
): ReadResult {
  const first = segmentIndex(segments, offset)
  const segment = segments[first]
  if (offset >= end || segment === undefined || segment.baseOffset >= end) return NOTHING
  const position = segment.positionOf(offset)
  const bytes = segment.positionOf(end) - position
  if (bytes <= 0) return NOTHING
  const records = wholeBatches(
    segment,
    position,
    Math.min(bytes, options.bytesMax),
    options.atLeastOne,
  )
  return { records, aborted: abortedWithin(segments, first, offset, nextOffsetOf(records)) }
}

/** How much `readSegments` would find, were there no bound. */
export function bytesAvailable(segments: readonly Segment[], offset: number, end: number): number {
  const segment = segments[segmentIndex(segments, offset)]
  if (offset >= end || segment === undefined || segment.baseOffset >= end) return 0
  return segment.positionOf(end) - segment.positionOf(offset)
}

/** The first record from `start` on with a timestamp of at least `time`. */
export function findTime(
  segments: readonly Segment[],
  time: number,
  start: number,
): { readonly offset: number; readonly timestamp: number } | undefined {
  for (const segment of segments) {
    const header = segment.batchAtTime(time, start)
    if (header === undefined) continue
    if (header.control) return { offset: header.baseOffset, timestamp: header.maxTimestamp }
    const reader = new RecordReader(segment.read(header.position, header.byteLength))
    while (reader.next()) {
      const { offset, timestamp } = reader
      if (timestamp >= time && offset >= start) return { offset, timestamp }
    }
  }
  return undefined
}

function wholeBatches(
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

/** A transaction's marker may lie segments after its records. */
function abortedWithin(
  segments: readonly Segment[],
  first: number,
  from: number,
  to: number,
): Aborted[] {
  const found: Aborted[] = []
  for (let index = first; index < segments.length; index++) {
    for (const each of segments[index]?.aborted ?? []) {
      if (each.lastOffset >= from && each.firstOffset < to) found.push(each)
    }
  }
  return found
}

/** Of the first segment that reaches `offset`. */
function segmentIndex(segments: readonly Segment[], offset: number): number {
  let low = 0
  let high = segments.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((segments[middle]?.lastOffset ?? 0) < offset) low = middle + 1
    else high = middle
  }
  return low
}
