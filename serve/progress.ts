/** How far the view has read one partition, and how good that is. Times are epoch ms; 0: never. */
export interface Progress {
  /** The next offset to read. */
  readonly next: number
  /** When the broker last answered that there is nothing behind `next`. */
  readonly atEnd: number
  /** Timestamp of the newest record that was read. */
  readonly newest: number
  /** No tombstone after `next` is older than this: the last time at the end, or when reading from the start began. */
  readonly since: number
}

/**
 * Compaction may drop a tombstone seven days (`delete.retention.ms`) after it was written; a view that was
 * away for as long would keep the erased user for ever.
 */
export const OUTLIVED_MS = 6 * 24 * 3_600_000
/** A clock that was set back by more makes the view's times meaningless. */
const CLOCK_BACK_MS_MAX = 3_600_000

export function fromStart(start: number, now: number): Progress {
  return { next: start, atEnd: 0, newest: 0, since: now }
}

/** After the broker's answer at `now`. `newest` is 0 for an answer without records. */
export function advanced(
  before: Progress,
  answer: { next: number; end: number; newest: number; now: number },
): Progress {
  const { next, end, now } = answer
  const newest = Math.max(before.newest, answer.newest)
  if (next < end) return { next, atEnd: before.atEnd, newest, since: before.since }
  return { next, atEnd: now, newest, since: now }
}

/**
 * How far the view may be behind the partition, ms: everything that was committed to it longer ago is in the
 * view. The later of two times counts, the last answer that reached the end, and the timestamp of the newest
 * record read (a partition has one writer, so what comes after that record was written later). The time that
 * an answer is on the network is not counted. `undefined` where nothing was ever read.
 */
export function ageMsOf({ atEnd, newest }: Progress, now: number): number | undefined {
  const known = Math.max(atEnd, newest)
  return known === 0 ? undefined : Math.max(0, Math.round(now - known))
}

/**
 * Whether tombstones may be missing between `next` and a record of time `recordAt` (0: no record yet), so that
 * the view has to be read anew. The broker's time, that of its records, counts too: ours may be wrong.
 */
export function outlived({ newest, since }: Progress, now: number, recordAt: number): boolean {
  if (now - since > OUTLIVED_MS || since - now > CLOCK_BACK_MS_MAX) return true
  return newest > 0 && recordAt - Math.max(newest, since) > OUTLIVED_MS
}

/** Why the view cannot be continued and has to be read anew; the `reason` of `millrace_view_resets`. */
export type Misfit =
  | 'new'
  | 'damaged'
  | 'topic'
  | 'partitions'
  | 'log_start'
  | 'log_end'
  | 'too_old'

/** Compares the view with the topic's first offsets and ends. */
export function misfitOf(
  view: { readonly topic: string; readonly partitions: readonly Progress[] },
  topic: string,
  ranges: readonly { readonly start: number; readonly end: number }[],
  now: number,
): Misfit | undefined {
  const { partitions } = view
  if (view.topic === '') return 'new'
  if (view.topic !== topic) return 'topic'
  if (partitions.length !== ranges.length) return 'partitions'
  // Between the position and a later start, rows and tombstones are gone; an end before it is another log's.
  if (ranges.some(({ start }, p) => start > positionOf(partitions[p]))) return 'log_start'
  if (ranges.some(({ end }, p) => end < positionOf(partitions[p]))) return 'log_end'
  return partitions.some(progress => outlived(progress, now, 0)) ? 'too_old' : undefined
}

function positionOf(progress: Progress | undefined): number {
  return progress?.next ?? 0
}
