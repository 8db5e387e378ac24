/**
 * Quantiles of a stream of numbers, by DDSketch (Masson, Rim, Lee: VLDB 2019, https://arxiv.org/abs/1908.10693):
 * counts in buckets that grow by a factor, so that any quantile is off by at most `accuracy` of its own value.
 * Flat and sorted by bucket; negative numbers count down from −1, zero is bucket 0, positive ones up from 1:
 *
 *     [bucket, count, bucket, count, …]
 *
 * What comes out depends on the values alone, not on their order. Beyond `bucketsMax` the buckets nearest to
 * zero are joined: then the quantiles of the smallest numbers lose their accuracy, and may know the order.
 */
export type Quantiles = number[]

/** The most that a quantile is off, as a share of its value. */
export const accuracy = 0.01
const growth = (1 + accuracy) / (1 - accuracy)
const logGrowth = Math.log(growth)
/** Numbers nearer to zero are zero. */
const tiny = 1e-9
/** From 1e-9 to 1e15 in steps of 2 % are 2,763 buckets; a user's amounts take some dozens. */
const bucketsMax = 512
const offset = Math.ceil(Math.log(1 / tiny) / logGrowth) + 1

export function addQuantile(part: Quantiles, value: number, count = 1): Quantiles {
  return addTo(part, bucketOf(value), count)
}

export function mergeQuantiles(into: Quantiles, from: Quantiles): Quantiles {
  let merged = into
  for (let at = 0; at < from.length; at += 2)
    merged = addTo(merged, from[at] as number, from[at + 1] as number)
  return merged
}

/** The value below which a share `q` (0 to 1) of the numbers lies; `undefined` where there are none. */
export function quantile(part: Quantiles, q: number): number | undefined {
  let total = 0
  for (let at = 1; at < part.length; at += 2) total += part[at] as number
  if (total === 0) return undefined
  let rank = q * (total - 1)
  for (let at = 0; at < part.length; at += 2) {
    rank -= part[at + 1] as number
    if (rank < 0) return middleOf(part[at] as number)
  }
  return middleOf(part[part.length - 2] as number)
}

function bucketOf(value: number): number {
  const size = Math.abs(value)
  if (size < tiny) return 0
  const bucket = Math.max(1, Math.ceil(Math.log(size) / logGrowth) + offset)
  return value < 0 ? -bucket : bucket
}

/** The middle of a bucket: within `accuracy` of all that is in it. */
function middleOf(bucket: number): number {
  if (bucket === 0) return 0
  const size = (2 * growth ** (Math.abs(bucket) - offset)) / (growth + 1)
  return bucket < 0 ? -size : size
}

function addTo(part: Quantiles, bucket: number, count: number): Quantiles {
  let at = 0
  while (at < part.length && (part[at] as number) < bucket) at += 2
  if (part[at] === bucket) part[at + 1] = (part[at + 1] as number) + count
  else part.splice(at, 0, bucket, count)
  if (part.length > 2 * bucketsMax) joinSmallest(part)
  return part
}

/** The bucket nearest to zero goes into the nearer of its neighbours. */
function joinSmallest(part: Quantiles): void {
  const size = (at: number) => (at in part ? Math.abs(part[at] as number) : Infinity)
  let smallest = 0
  for (let at = 0; at < part.length; at += 2) if (size(at) < size(smallest)) smallest = at
  const to = size(smallest - 2) < size(smallest + 2) ? smallest - 2 : smallest + 2
  part[to + 1] = (part[to + 1] as number) + (part[smallest + 1] as number)
  part.splice(smallest, 2)
}
