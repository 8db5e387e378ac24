import type { Bid } from './nexmark-bids.ts'

/** The queries' answers, recomputed from all bids in the plainest way. */

const sessionGapMs = 10_000

/** Of each window that ends within the bids' time: `<end>: <auctions> with <bids>`. */
export function naiveHottest(
  bids: readonly Bid[],
  {
    overMs,
    everyMs,
    endMs,
  }: { readonly overMs: number; readonly everyMs: number; readonly endMs: number },
): string[] {
  const windows = new Map<number, Map<number, number>>()
  for (const { auction, dateTime } of bids) {
    const first = (Math.floor(dateTime / everyMs) + 1) * everyMs
    for (let end = first; end < first + overMs && end <= endMs; end += everyMs) {
      const counts = windows.get(end) ?? new Map<number, number>()
      windows.set(end, counts.set(auction, (counts.get(auction) ?? 0) + 1))
    }
  }
  return [...windows]
    .sort(([one], [other]) => one - other)
    .map(([end, counts]) => {
      const most = Math.max(...counts.values())
      const hottest = [...counts].filter(([, count]) => count === most)
      return `${end}: ${hottest
        .map(([auction]) => String(auction))
        .sort()
        .join()} with ${most}`
    })
}

/** Bidder → bids of the session that his last bid is in. */
export function naiveSessions(bids: readonly Bid[], nowMs: number): Map<string, number> {
  const sessions = new Map<string, { last: number; bids: number }>()
  for (const { bidder, dateTime } of bids) {
    const own = sessions.get(String(bidder))
    const goesOn = own !== undefined && dateTime - own.last < sessionGapMs
    sessions.set(String(bidder), { last: dateTime, bids: goesOn ? own.bids + 1 : 1 })
  }
  return new Map(
    [...sessions].map(([bidder, own]) => [bidder, own.last + sessionGapMs > nowMs ? own.bids : 0]),
  )
}

/** `<bidder>/<auction>` → the last bid. */
export function naiveLast(bids: readonly Bid[]): Map<string, Bid> {
  return new Map(bids.map(bid => [`${bid.bidder}/${bid.auction}`, bid]))
}

/** Auction → prices of its ten highest bids. */
export function naiveHighest(bids: readonly Bid[]): Map<string, number[]> {
  const prices = new Map<string, number[]>()
  for (const { auction, price } of bids) {
    const own = prices.get(String(auction)) ?? []
    prices.set(String(auction), own)
    own.push(price)
  }
  for (const [auction, own] of prices)
    prices.set(auction, own.sort((one, other) => other - one).slice(0, 10))
  return prices
}
