import {
  count,
  defineJob,
  hopping,
  lastTime,
  lastValue,
  process,
  sessions,
  topK,
} from '../jobs/define-job.ts'
import type { Event } from '../jobs/event.ts'
import type { Job, JobContext, Rekeyed, Trigger } from '../jobs/job.ts'
import type { JobState } from '../jobs/layout.ts'

/** Bids come in order of time: none is a repeat, and none is late. */
const settings = { input: 'bids', idle: 'hold', dedupe: false, outOfOrderness: '1s' } as const
const of = 'Bid'

/** q5's window: the last 10 seconds, every 2. */
export const hops = { over: '10s', every: '2s', overMs: 10_000, everyMs: 2_000 }

/** q11, keyed by bidder: how many bids each made in each session of 10 seconds. */
export const q11 = defineJob({
  ...{ ...settings, name: 'nexmark-q11' },
  features: { bids: count({ of, window: sessions('10s') }) },
})

/** q18, keyed by bidder and auction: the last bid. */
export const q18 = defineJob({
  ...{ ...settings, name: 'nexmark-q18' },
  features: {
    price: lastValue({ of, value: 'price' }),
    channel: lastValue({ of, value: 'channel' }),
    url: lastValue({ of, value: 'url' }),
    dateTime: lastTime({ of }),
  },
})

/** q19, keyed by auction: the ten highest bids. Each is a value of its own, so the ten heaviest are exact. */
export const q19 = defineJob({
  ...{ ...settings, name: 'nexmark-q19' },
  features: { highest: topK({ of, value: bidName, weight: 'price', k: 10 }) },
})

/** A bid in one text, and of two of one price the earlier one first. */
export function bidName({ messageId, properties }: Event): string {
  return `${properties.price} by ${properties.bidder} ${messageId}`
}

/**
 * q5 in two jobs. The first is keyed by auction: its row has the bids of the window that ended last, and when a
 * window ends (by the task's time, so that what came out of order is in it), it tells the second one, which is
 * keyed by nothing, how many bids it had.
 */
export function q5Counts(): Job<JobState> {
  const job = defineJob({
    ...{ ...settings, name: 'nexmark-q5' },
    features: {
      bids: count({ of, window: hopping(hops.over, hops.every) }),
      ended: process<Record<string, number>>({
        of,
        create: () => ({}),
        on(tiles, { timestamp }, { setTimer }) {
          const tile = Math.floor(timestamp / hops.everyMs) * hops.everyMs
          const isNew = tiles[tile] === undefined
          tiles[tile] = (tiles[tile] ?? 0) + 1
          if (!isNew) return
          for (let end = tile + hops.everyMs; end <= tile + hops.overMs; end += hops.everyMs)
            setTimer(String(end), end)
        },
        timer(tiles, end, { emit }) {
          const start = Number(end) - hops.overMs
          let bids = 0
          for (const [tile, count] of Object.entries(tiles)) {
            if (Number(tile) < start) delete tiles[tile]
            else if (Number(tile) < Number(end)) bids += count
          }
          emit(String(bids))
        },
      }),
    },
  })
  const fire: Job<JobState>['fire'] = (state, timer, context) =>
    job.fire(state, timer, { ...context, emit: told => context.rekey(counted(context, told)) })
  return { ...job, rekeys: ['nexmark-counts'], fire }
}

/** A trigger of the first job as an event of the second. */
function counted({ key: auction }: JobContext, { reason, time }: Trigger): Rekeyed {
  const messageId = `${auction}@${time}`
  const properties = { auction, bids: Number(reason) }
  const event = { type: 'track', event: 'Window Ended', messageId, timestamp: time, properties }
  return { to: 'nexmark-counts', key: 'all', event }
}

interface Hottest {
  bids: number
  auctions: string[]
}

/** q5's second half, one key for all auctions: of each window those with most bids, told when no more can come. */
export const q5Hottest = defineJob({
  ...{ ...settings, name: 'nexmark-hottest', input: 'nexmark-counts' },
  features: {
    hottest: process<Record<string, Hottest>>({
      of: 'Window Ended',
      create: () => ({}),
      on(windows, { timestamp: end, properties }, { setTimer }) {
        const [auction, bids] = [String(properties.auction), Number(properties.bids)]
        const known = windows[end]
        if (known === undefined) setTimer(String(end), end)
        if (known === undefined || bids > known.bids) windows[end] = { bids, auctions: [auction] }
        else if (bids === known.bids) known.auctions.push(auction)
      },
      timer(windows, end, { emit }) {
        const { bids = 0, auctions = [] } = windows[end] ?? {}
        delete windows[end]
        emit(`${end}: ${auctions.sort().join()} with ${bids}`)
      },
    }),
  },
})
