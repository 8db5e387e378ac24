/** One run of one engine over the workload, the same figures as the peers print (bench/peers/README.md). */
export interface RunResult {
  readonly engine: string
  readonly guarantee: string
  readonly events: number
  /** From the first event processed until all are, the final commit is made and the engine has stopped. */
  readonly seconds: number
  readonly eventsPerSecond: number
  readonly startupSeconds: number
  /** Of the whole process from its start; the broker's is not in it. */
  readonly cpuSeconds: number
  readonly peakRssMb: number
  /** Of the final features of all users: equal for engines that agree. */
  readonly hash: string
}

/** The middle of an odd number of values; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  if (low === undefined || high === undefined) throw new Error('there is no median of nothing')
  return (low + high) / 2
}

/** The one whose value is the median; of two in the middle, the lower. */
export function middleBy<Item>(items: readonly Item[], value: (item: Item) => number): Item {
  const sorted = [...items].sort((one, other) => value(one) - value(other))
  const middle = sorted[Math.ceil(sorted.length / 2) - 1]
  if (middle === undefined) throw new Error('there is no median of nothing')
  return middle
}

/** The value below which the share (0 to 1) of the values lies, by the nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  if (value === undefined) throw new Error('there is no percentile of nothing')
  return value
}
