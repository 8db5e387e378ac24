import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import { wholeFlag } from './flags.ts'
import type { Figure } from './kept.ts'
import { type Bid, nexmarkBids } from './nexmark-bids.ts'
import { hops, q5Counts, q5Hottest, q11, q18, q19 } from './nexmark-jobs.ts'
import { naiveHighest, naiveHottest, naiveLast, naiveSessions } from './nexmark-naive.ts'
import { forwarded, type PipelineRun, runPipeline } from './pipeline-run.ts'
import { publish } from './publish.ts'
import { table } from './results.ts'

export const nexmarkHelp = `npm run bench -- nexmark [flags]

  Nexmark's queries 5 (hot items), 11 (sessions of bidders), 18 (last bids) and 19 (top ten) in the feature
  language: every answer is held against a plain recomputation. Prints events a second of one core for the
  pipeline alone: decoding, features, timers, rows and states; no broker, no disk.

  --size small|large    50,000 bids, or 1,000,000 (default)
  --bids N              another number of bids
  --seed N              of the bids (default 1)`

const sizes = { small: 50_000, large: 1_000_000 }

export async function nexmark(args: readonly string[]): Promise<void> {
  const { size, count, seed } = parse(args)
  const bids = [...nexmarkBids({ bids: count, seed })]
  const hash = createHash('sha256')
  const rows = nexmarkQueries.flatMap(query => {
    const { events, cpuSeconds, dead, ...rest } = query.run(bids)
    hash.update(rest.answers)
    if (dead > 0) throw new Error(`${query.name}: ${dead} bids could not be taken`)
    const perSecond = Math.round(events / cpuSeconds)
    const times = Number((perSecond / query.flinkPerCore).toFixed(1))
    return [[query.name, query.what, rest.checked, perSecond, query.flinkPerCore, times]]
  })
  const heads = [
    ...['query', 'answers', 'answers checked', 'ours, events/s of one core'],
    ...['Flink, published', 'ours / Flink'],
  ]
  const summary = `${table(heads, rows)}\n\nhash of all answers: ${hash.digest('hex').slice(0, 16)}`
  console.log(summary)
  if (size === 'small') return
  const how = `${count} bids, seed ${seed}; ours: the pipeline alone on one thread, JSON events, every answer as in a plain recomputation. Flink: the figures published at github.com/nexmark/nexmark, a cluster's events/s by its cores, on other hardware, with a generator in place of a topic: they say what is usual, not who is faster`
  const figures = rows.map(
    (row): Figure => ({ name: String(row[0]), value: Number(row[3]), unit: 'events/s' }),
  )
  publish({ title: 'Nexmark', how, summary, figures })
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: 'string', default: 'large' },
      bids: { type: 'string' },
      seed: { type: 'string', default: '1' },
    },
  })
  const { size } = values
  if (size !== 'small' && size !== 'large') throw new Error(`--size is small or large, not ${size}`)
  const count = values.bids === undefined ? sizes[size] : wholeFlag('--bids', values.bids)
  return { size, count, seed: wholeFlag('--seed', values.seed) }
}

type Checked = Pick<PipelineRun, 'events' | 'cpuSeconds' | 'dead'> & {
  readonly checked: number
  /** All of them, in one text. */
  readonly answers: string
}

export interface NexmarkQuery {
  readonly name: string
  readonly what: string
  /** Events/s of one core, as published for Flink on other hardware. */
  readonly flinkPerCore: number
  /** Throws where an answer is not that of the plain recomputation. */
  run(bids: readonly Bid[]): Checked
}

export const nexmarkQueries: readonly NexmarkQuery[] = [
  {
    name: 'q5',
    flinkPerCore: 22_100,
    what: 'hottest auctions of 10 s, every 2 s',
    run: runHottest,
  },
  { name: 'q11', flinkPerCore: 39_700, what: 'bids of a bidder’s session', run: runSessions },
  { name: 'q18', flinkPerCore: 53_700, what: 'last bid of a bidder on an auction', run: runLast },
  { name: 'q19', flinkPerCore: 44_000, what: 'ten highest bids of an auction', run: runHighest },
]

function runHottest(bids: readonly Bid[]): Checked {
  const counts = q5Counts()
  const first = runPipeline(
    counts,
    recordsOf(bids, ({ auction }) => String(auction)),
  )
  const second = runPipeline(q5Hottest, forwarded(counts.name, first.rekeyed))
  const found = second.triggers.map(text => String(JSON.parse(text).reason))
  // Told when no number can come any more: the last windows are still open.
  const endMs = Number(found.at(-1)?.split(':')[0])
  const expected = naiveHottest(bids, { ...hops, endMs })
  same('q5', found, expected)
  const newest = bids.at(-1)?.dateTime ?? 0
  if (!(newest - endMs < 3 * hops.everyMs))
    throw new Error(`q5 ends at ${endMs}, bids at ${newest}`)
  return {
    ...{ events: first.events, dead: first.dead + second.dead, checked: found.length },
    answers: found.join(),
    cpuSeconds: first.cpuSeconds + second.cpuSeconds,
  }
}

function runSessions(bids: readonly Bid[]): Checked {
  const run = runPipeline(
    q11,
    recordsOf(bids, ({ bidder }) => String(bidder)),
  )
  const expected = naiveSessions(bids, (bids.at(-1)?.dateTime ?? 0) - q11.outOfOrdernessMs)
  for (const [bidder, own] of expected) same(`q11 of ${bidder}`, run.row(bidder).features.bids, own)
  return { ...run, checked: expected.size, answers: JSON.stringify([...expected]) }
}

function runLast(bids: readonly Bid[]): Checked {
  const run = runPipeline(
    q18,
    recordsOf(bids, ({ bidder, auction }) => `${bidder}/${auction}`),
  )
  const expected = naiveLast(bids)
  for (const [key, { price, channel, url, dateTime }] of expected)
    same(`q18 of ${key}`, run.row(key).features, { price, channel, url, dateTime })
  return { ...run, checked: expected.size, answers: JSON.stringify([...expected]) }
}

function runHighest(bids: readonly Bid[]): Checked {
  const run = runPipeline(
    q19,
    recordsOf(bids, ({ auction }) => String(auction)),
  )
  const expected = naiveHighest(bids)
  for (const [auction, prices] of expected) {
    const highest = run.row(auction).features.highest as string[]
    same(`q19 of ${auction}`, highest.map(Number.parseFloat), prices)
  }
  return { ...run, checked: expected.size, answers: JSON.stringify([...expected]) }
}

function same(what: string, found: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)]
  if (left === right) return
  throw new Error(`${what} is ${left?.slice(0, 500)}, expected ${right?.slice(0, 500)}`)
}

function* recordsOf(bids: readonly Bid[], keyOf: (bid: Bid) => string): Generator<OutgoingRecord> {
  for (const [index, bid] of bids.entries()) {
    const { dateTime: timestamp, ...properties } = bid
    const key = keyOf(bid)
    const messageId = `b${index}`
    const event = { messageId, type: 'track', event: 'Bid', userId: key, timestamp, properties }
    yield { key, value: JSON.stringify(event) }
  }
}
