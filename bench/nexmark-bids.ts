import { seededRandom } from '../cli/random.ts'

/** A bid of Nexmark's online auction: on which item, by whom, for how much, when. */
export interface Bid {
  readonly auction: number
  readonly bidder: number
  /** Cents. */
  readonly price: number
  readonly channel: string
  readonly url: string
  /** Epoch ms. */
  readonly dateTime: number
}

export interface BidsOptions {
  readonly bids: number
  readonly seed: number
}

const startMs = Date.UTC(2015, 6, 15)
/** Of 50 events one is a person, three are auctions, and the others bids. */
const mix = { persons: 1, auctions: 3, bids: 46 }
/** A thousand events a second, of all kinds (theirs: ten thousand), so that windows end in the small size too. */
const eventsPerMs = 1
/** So many auctions run at once, and so many people are active. */
const auctionsInFlight = 100
const activePeople = 1_000
/** Half of the bids go to the hot auction, three quarters come from the hot bidder; each changes every hundredth. */
const hotAuctionRatio = 2
const hotBidderRatio = 4
const hotEvery = 100
const hotChannels = ['Google', 'Facebook', 'Baidu', 'Apple']

/**
 * Bids as Nexmark's generator describes them (Tucker, Tufte, Papadimos, Maier: "NEXMark, a benchmark for queries
 * over data streams", 2002; with the ratios of the version that is run today,
 * https://beam.apache.org/documentation/sdks/java/testing/nexmark/ and https://github.com/nexmark/nexmark): in
 * order of time, prices from 1 to a million on a logarithmic scale. The same for the same seed everywhere. Not
 * theirs number by number.
 */
export function* nexmarkBids({ bids, seed }: BidsOptions): Generator<Bid> {
  const random = seededRandom(seed)
  const below = (most: number) => Math.floor(random() * most)
  const all = mix.persons + mix.auctions + mix.bids
  for (let bid = 0; bid < bids; bid++) {
    const round = Math.floor(bid / mix.bids)
    const event = round * all + mix.persons + mix.auctions + (bid % mix.bids)
    const lastAuction = (round + 1) * mix.auctions - 1
    const lastPerson = (round + 1) * mix.persons - 1
    const hotAuction = Math.floor(lastAuction / hotEvery) * hotEvery
    const hotBidder = Math.floor(lastPerson / hotEvery) * hotEvery + 1
    const firstAuction = Math.max(0, lastAuction - auctionsInFlight)
    const people = Math.min(lastPerson + 1, activePeople)
    const auction =
      below(hotAuctionRatio) > 0 ? hotAuction : firstAuction + below(lastAuction - firstAuction + 1)
    const bidder = below(hotBidderRatio) > 0 ? hotBidder : lastPerson - below(people)
    const channel = below(2) > 0 ? (hotChannels[below(4)] ?? '') : `channel-${below(10_000)}`
    yield {
      auction: 1_000 + auction,
      bidder: 1_000 + bidder,
      price: Math.round(10 ** (random() * 6) * 100),
      channel,
      url: `https://www.nexmark.com/item/${1_000 + auction}`,
      dateTime: startMs + Math.floor(event / eventsPerMs),
    }
  }
}
