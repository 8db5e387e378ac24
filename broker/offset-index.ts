/** A new entry at least this many bytes after the last: 5 GB of log need about 8 MB. */
const INTERVAL_BYTES = 16 * 1024

/** Sparse: for some batches of a segment, their first offset, where they begin, and the newest timestamp before. */
export class OffsetIndex {
  private offsets: number[] = []
  private positions: number[] = []
  private timestamps: number[] = []

  add(offset: number, position: number, maxTimestampBefore: number): void {
    const last = this.positions.at(-1)
    if (last !== undefined && position - last < INTERVAL_BYTES) return
    this.offsets.push(offset)
    this.positions.push(position)
    this.timestamps.push(maxTimestampBefore)
  }

  /** A position at or before the batch that reaches `offset`. */
  before(offset: number): number {
    return this.positions[lastAtMost(this.offsets, offset)] ?? 0
  }

  /** A position such that no batch before it has a timestamp of at least `time`. */
  beforeTime(time: number): number {
    return this.positions[lastAtMost(this.timestamps, time - 1)] ?? 0
  }

  save(): number[][] {
    return [this.offsets, this.positions, this.timestamps]
  }

  load([offsets = [], positions = [], timestamps = []]: number[][]): void {
    this.offsets = offsets
    this.positions = positions
    this.timestamps = timestamps
  }
}

/** Position of the last of the ascending numbers that is at most `bound`; −1 when none is. */
export function lastAtMost(ascending: readonly number[], bound: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ascending[middle] as number) <= bound) low = middle + 1
    else high = middle
  }
  return low - 1
}
