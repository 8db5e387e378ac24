/** How often a request took no longer than each bound, as a scrape of a server of ours says. */
export type Buckets = ReadonlyMap<number, number>

/** Of the requests to one route pattern. */
export async function scrapeTimes(url: string, route: string): Promise<Buckets> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const buckets = new Map<number, number>()
  const pattern = /^millrace_request_duration_ms_bucket\{route="([^"]*)",le="([^"]+)"\} (\d+)$/gm
  for (const [, found, bound, count] of text.matchAll(pattern))
    if (found === route) buckets.set(bound === '+Inf' ? Infinity : Number(bound), Number(count))
  return buckets
}

/**
 * The time in ms that the share (0 to 1) of the requests between two scrapes took at most, by even spread within a
 * bucket, as Prometheus' `histogram_quantile` has it.
 */
export function quantile(before: Buckets, after: Buckets, share: number): number {
  const counts = [...after]
    .map(([bound, count]): [number, number] => [bound, count - (before.get(bound) ?? 0)])
    .sort(([one], [other]) => one - other)
  const wanted = (counts.at(-1)?.[1] ?? 0) * share
  let [low, below] = [0, 0]
  for (const [bound, count] of counts) {
    if (count >= wanted && count > below)
      return bound === Infinity ? low : low + ((bound - low) * (wanted - below)) / (count - below)
    low = bound
    below = count
  }
  return Number.NaN
}
