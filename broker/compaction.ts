import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type BatchHeader, RecordReader } from '../protocol/record-batch.ts'
import { cleanBatch, deleteHorizon, markHorizon } from './cleaned-batch.ts'
import type { PartitionLog } from './partition-log.ts'
import { Segment } from './segment.ts'
import { replaceSegments } from './segment-files.ts'
import type { Aborted } from './segment-names.ts'

/** Bounds the memory of one round; what comes after so many keys waits for the next one. */
const KEYS_MAX = 1_000_000
/** After so many bytes requests get their turn. */
const SLICE_BYTES = 512 * 1024
/** Longer keys are told apart by their hash. */
const KEY_BYTES_MAX = 32

/**
 * Compacts one partition, if its policy says so and enough of it is dirty. Afterwards, of the part before the
 * active segment and before the first open transaction,
 *
 * - each key has its newest record only, and aborted records are gone;
 * - a tombstone stays until `delete.retention.ms` after the first compaction that met it, so that a slow reader
 *   hears of it; a transaction's marker likewise, from when no record of its transaction is left;
 * - offsets are what they were, and what was aborted is still known wherever its marker is.
 *
 * Two passes: the first learns the newest offset of each key in the dirty part, the second copies all segments
 * without what is outdated, and puts the copies in their place. Rules as in Kafka's `Cleaner`.
 */
export async function compact(partition: PartitionLog, signal: AbortSignal): Promise<void> {
  await partition.settled()
  const segments = cleanable(partition)
  if (segments.length === 0) return
  const slice = new Slices(partition, signal)
  const { newest, end } = await learn(partition, segments, slice)
  const pass = new CleaningPass(partition, newest, end)
  for (const group of groups(
    segments.filter(each => each.baseOffset < end),
    partition,
  )) {
    const fresh = await pass.copy(group, slice)
    const stillThere = group.every(each => partition.segments.includes(each))
    if (!stillThere || slice.stopped) {
      fresh.remove()
      return
    }
    partition.segments = replaceSegments(partition.segments, group, fresh)
  }
  partition.cleanedUpTo(end)
}

/** The segments that may be compacted, or none when too little of them is new. */
function cleanable(partition: PartitionLog): Segment[] {
  const { config, clock } = partition.options
  const {
    'cleanup.policy': policy,
    'min.cleanable.dirty.ratio': ratio,
    'min.compaction.lag.ms': lagMs,
    'max.compaction.lag.ms': lagMsMax,
  } = config()
  if (!policy.includes('compact') || partition.closed) return []
  const now = clock.now()
  const { active } = partition
  if (active.firstAppendAt >= 0 && now - active.firstAppendAt > lagMsMax) partition.roll()
  const stable = partition.lastStableOffset
  const found: Segment[] = []
  for (const segment of partition.segments.slice(0, -1)) {
    if (segment.lastOffset >= stable || (lagMs > 0 && segment.maxTimestamp > now - lagMs)) break
    found.push(segment)
  }
  const isDirty = (segment: Segment) => segment.lastOffset >= partition.cleanedTo
  const bytesOf = (some: readonly Segment[]) =>
    some.reduce((sum, segment) => sum + segment.byteLength, 0)
  const dirty = found.filter(isDirty)
  const overdue = dirty.some(segment => now - segment.firstAppendAt > lagMsMax)
  const enough = dirty.length > 0 && bytesOf(dirty) >= ratio * bytesOf(found)
  return enough || overdue ? found : []
}

/** Segments next to each other whose copies fit into one. */
function groups(segments: readonly Segment[], partition: PartitionLog): Segment[][] {
  const bytesMax = partition.options.config()['segment.bytes']
  const found: Segment[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const segment of segments) {
    bytes += segment.byteLength
    if (bytes > bytesMax) {
      found.push([])
      bytes = segment.byteLength
    }
    found.at(-1)?.push(segment)
  }
  return found
}

/** The newest offset of each key in the dirty part, up to `end`. */
async function learn(partition: PartitionLog, segments: readonly Segment[], slice: Slices) {
  const newest = new Map<string, number>()
  const aborted = new AbortedRecords(partition)
  let end = partition.cleanedTo
  for (const segment of segments) {
    if (segment.lastOffset < partition.cleanedTo) continue
    for (const { batch, header } of segment.batches()) {
      await slice.spend(batch.length)
      if (slice.stopped || newest.size > KEYS_MAX) return { newest, end }
      if (!header.control && !aborted.has(header)) {
        const reader = new RecordReader(batch)
        while (reader.next()) {
          const key = reader.key()
          if (key !== null) newest.set(keyText(key), reader.offset)
        }
      }
      end = header.lastOffset + 1
    }
    end = Math.max(end, segment.lastOffset + 1)
  }
  return { newest, end }
}

/** Goes through all cleanable segments, in order. */
class CleaningPass {
  private readonly newest: ReadonlyMap<string, number>
  private readonly end: number
  private readonly aborted: AbortedRecords
  private readonly folder: string
  private readonly now: number
  private readonly horizon: number
  /** Producers with records kept since their last marker: the marker that follows stays. */
  private readonly withRecords = new Set<number>()

  constructor(partition: PartitionLog, newest: ReadonlyMap<string, number>, end: number) {
    const { clock, config, folder } = partition.options
    this.newest = newest
    this.end = end
    this.aborted = new AbortedRecords(partition)
    this.folder = folder
    this.now = clock.now()
    this.horizon = this.now + config()['delete.retention.ms']
  }

  async copy(group: readonly Segment[], slice: Slices): Promise<Segment> {
    const [first] = group as [Segment]
    const fresh = new Segment(this.folder, first.baseOffset, '.log.cleaned')
    const dropped = new Set<number>()
    for (const segment of group) {
      for (const { batch, header } of segment.batches()) {
        await slice.spend(batch.length)
        if (slice.stopped) return fresh
        const kept = this.clean(batch, header)
        if (kept !== undefined)
          fresh.append(kept, { ...header, byteLength: kept.length }, first.firstAppendAt)
        else if (header.control) dropped.add(header.lastOffset)
      }
    }
    fresh.aborted = group
      .flatMap(segment => segment.aborted)
      .filter(each => !dropped.has(each.lastOffset))
    fresh.firstAppendAt = first.firstAppendAt
    await fresh.syncLater()
    return fresh
  }

  private clean(batch: Buffer, header: BatchHeader): Buffer | undefined {
    if (header.lastOffset >= this.end) return batch
    return header.control ? this.cleanMarker(batch, header) : this.cleanRecords(batch, header)
  }

  private cleanMarker(batch: Buffer, header: BatchHeader): Buffer | undefined {
    if (this.withRecords.delete(header.producerId)) return batch
    const horizon = deleteHorizon(batch, header)
    if (horizon === undefined) return markHorizon(batch, header, this.horizon)
    return horizon > this.now ? batch : undefined
  }

  private cleanRecords(batch: Buffer, header: BatchHeader): Buffer | undefined {
    if (this.aborted.has(header)) return undefined
    const known = deleteHorizon(batch, header)
    let outdated = 0
    let tombstones = 0
    const keep = (record: RecordReader): boolean => {
      const key = record.key()
      const tombstone = record.value() === null
      const newest = key === null ? undefined : (this.newest.get(keyText(key)) ?? -1)
      const kept =
        newest !== undefined &&
        newest <= record.offset &&
        !(tombstone && known !== undefined && known <= this.now)
      if (!kept) outdated++
      else if (tombstone) tombstones++
      return kept
    }
    const reader = new RecordReader(batch)
    while (reader.next()) keep(reader)
    const horizon = known ?? (tombstones > 0 ? this.horizon : undefined)
    const unchanged = outdated === 0 && horizon === known
    const cleaned = unchanged ? batch : cleanBatch(batch, header, keep, horizon)
    if (cleaned !== undefined && header.transactional) this.withRecords.add(header.producerId)
    return cleaned
  }
}

class AbortedRecords {
  private readonly ranges = new Map<number, Aborted[]>()

  constructor(partition: PartitionLog) {
    for (const segment of partition.segments) {
      for (const each of segment.aborted) {
        const known = this.ranges.get(each.producerId)
        if (known === undefined) this.ranges.set(each.producerId, [each])
        else known.push(each)
      }
    }
  }

  has({ transactional, producerId, baseOffset }: BatchHeader): boolean {
    if (!transactional) return false
    return (this.ranges.get(producerId) ?? []).some(
      each => each.firstOffset <= baseOffset && baseOffset <= each.lastOffset,
    )
  }
}

class Slices {
  private readonly partition: PartitionLog
  private readonly signal: AbortSignal
  private spent = 0

  constructor(partition: PartitionLog, signal: AbortSignal) {
    this.partition = partition
    this.signal = signal
  }

  get stopped(): boolean {
    return this.signal.aborted || this.partition.closed
  }

  async spend(bytes: number): Promise<void> {
    this.spent += bytes
    if (this.spent < SLICE_BYTES) return
    this.spent = 0
    await setImmediate()
  }
}

function keyText(key: Buffer): string {
  return key.length <= KEY_BYTES_MAX
    ? key.toString('latin1')
    : createHash('sha256').update(key).digest().toString('latin1')
}
