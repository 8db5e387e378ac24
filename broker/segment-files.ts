import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { BatchHeader } from '../protocol/record-batch.ts'
import type { BrokerLog } from './log.ts'
import type { ProducerState, SavedProducers } from './producer-state.ts'
import { Segment } from './segment.ts'
import { type Aborted, indexPath } from './segment-names.ts'

/** What is known of a segment's first `byteLength` bytes, all synced, and of its partition's producers after them. */
interface Saved {
  readonly version: 1
  readonly byteLength: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly maxTimestampOffset: number
  readonly firstAppendAt: number
  readonly index: number[][]
  readonly aborted: Aborted[]
  readonly producers: SavedProducers
}

/** Written beside a segment when it is sealed, compacted or closed, so that a start need not read it again. */
export function saveSegment(segment: Segment, producers: SavedProducers): void {
  const { byteLength, lastOffset, maxTimestamp, maxTimestampOffset, firstAppendAt, aborted } =
    segment
  const index = segment.index.save()
  const saved: Saved = {
    version: 1,
    byteLength,
    lastOffset,
    maxTimestamp,
    maxTimestampOffset,
    firstAppendAt,
    index,
    aborted,
    producers,
  }
  const path = indexPath(segment.path)
  writeFileSync(`${path}.new`, JSON.stringify(saved))
  renameSync(`${path}.new`, path)
}

/**
 * Puts a compacted copy in the place of the segments it was made from; the new list. Killed in between, the next
 * start finds a whole copy, and at most later segments of the group that are still as they were.
 */
export function replaceSegments(
  segments: readonly Segment[],
  group: readonly Segment[],
  fresh: Segment,
): Segment[] {
  const [first] = group
  const last = group.at(-1)
  if (first === undefined || last === undefined) return [...segments]
  const producers = readSaved(last)?.producers ?? []
  const path = first.path
  fresh.moveTo(`${path}.swap`)
  for (const each of group) each.remove()
  fresh.moveTo(path)
  saveSegment(fresh, producers)
  const at = segments.indexOf(first)
  return [...segments.slice(0, at), fresh, ...segments.slice(at + group.length)]
}

/**
 * The segments that lie in a partition's folder, each read from where its saved index ends. A tail that is not a
 * sound log is cut off: after a kill at most the last batch, which was never acknowledged. If more follows it (the
 * disk lost bytes, or somebody changed them), the segments after it go too, since a log has no holes.
 */
export function openSegments(
  { folder, log }: { readonly folder: string; readonly log: BrokerLog },
  visit: (segment: Segment, batch: Buffer, header: BatchHeader) => void,
  producers: ProducerState,
): Segment[] {
  const segments: Segment[] = []
  const bases = finishSwaps(folder)
  for (const [at, base] of bases.entries()) {
    const segment = new Segment(folder, base)
    segments.push(segment)
    const fileBytes = statSync(segment.path).size
    const saved = readSaved(segment)
    const trusted = saved !== undefined && saved.byteLength <= fileBytes ? saved : undefined
    if (trusted !== undefined) {
      Object.assign(segment, pick(trusted))
      segment.index.load(trusted.index)
      producers.load(trusted.producers)
    }
    const problem = segment.recover(trusted?.byteLength ?? 0, fileBytes, (batch, header) =>
      visit(segment, batch, header),
    )
    if (segment.firstAppendAt < 0 && segment.byteLength > 0)
      segment.firstAppendAt = segment.maxTimestamp
    if (problem === undefined) continue
    const lost = bases.slice(at + 1)
    segment.cutTail()
    for (const each of lost) new Segment(folder, each).remove()
    log({
      level: lost.length > 0 ? 'error' : 'warn',
      message: `cut off ${fileBytes - segment.byteLength} bytes${lost.length > 0 ? ` and ${lost.length} whole segments` : ''}: ${problem}`,
    })
    break
  }
  return segments
}

function pick({ lastOffset, maxTimestamp, maxTimestampOffset, firstAppendAt, aborted }: Saved) {
  return { lastOffset, maxTimestamp, maxTimestampOffset, firstAppendAt, aborted }
}

function readSaved(segment: Segment): Saved | undefined {
  const path = indexPath(segment.path)
  if (!existsSync(path)) return undefined
  try {
    const saved: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isSaved(saved) ? saved : undefined
  } catch (error) {
    // An index can always be made again from its segment, so one that cannot be read is as good as none.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isSaved(value: unknown): value is Saved {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === 1 &&
    'byteLength' in value
  )
}

/**
 * Ends what a compaction had begun. `.cleaned` files are unfinished; a `.swap` is complete and replaces the segment
 * of its name (the compaction removes the others of its group before it makes the `.swap` a `.log`).
 */
function finishSwaps(folder: string): number[] {
  const names = readdirSync(folder)
  for (const name of names) {
    const path = join(folder, name)
    if (name.endsWith('.cleaned') || name.endsWith('.new')) rmSync(path)
    else if (name.endsWith('.swap')) {
      rmSync(indexPath(path), { force: true })
      renameSync(path, path.replace(/\.swap$/, ''))
    }
  }
  return readdirSync(folder)
    .filter(name => /^\d{20}\.log$/.test(name))
    .map(name => Number(name.slice(0, 20)))
    .sort((a, b) => a - b)
}
