import { parseArgs } from 'node:util'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import { systemClock } from '../runtime/clock.ts'
import { wholeFlag } from './flags.ts'
import { type Bid, nexmarkBids } from './nexmark-bids.ts'
import { hops, q5Counts, q5Hottest, q11, q18, q19 } from './nexmark-jobs.ts'
import { naiveHighest, naiveHottest, naiveLast, naiveSessions } from './nexmark-naive.ts'
import { forwarded, type PipelineRun, runPipeline } from './pipeline-run.ts'
import { machine, table, writeResults } from './results.ts'

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
  const rows = nexmarkQueries.flatMap(query => {
    const { events, cpuSeconds, dead, ...rest } = query.run(bids)
    if (dead > 0) throw new Error(`${query.name}: ${dead} bids could not be taken`)
    const perSecond = Math.round(events / cpuSeconds)
    return [[query.name, query.what, events, rest.checked, perSecond, cpuSeconds.toFixed(2)]]
  })
  const heads = ['query', 'answers', 'events', 'answers checked', 'events/s of one core', 'CPU s']
  const summary = table(heads, rows)
  console.log(summary)
  if (size === 'small') return
  const when = machine(new Date(systemClock.now()))
  const how = `${count} bids, seed ${seed}; the pipeline alone, JSON events, every answer as in a plain recomputation`
  writeResults('Nexmark', `${when}\n\n${how}\n\n${summary}`)
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

type Checked = Pick<PipelineRun, 'events' | 'cpuSeconds' | 'dead'> & { readonly checked: number }

export interface NexmarkQuery {
  readonly name: string
  readonly what: string
  /** Throws where an answer is not that of the plain recomputation. */
  run(bids: readonly Bid[]): Checked
}

export const nexmarkQueries: readonly NexmarkQuery[] = [
  { name: 'q5', what: 'hottest auctions of 10 s, every 2 s', run: runHottest },
  { name: 'q11', what: 'bids of a bidder’s session', run: runSessions },
  { name: 'q18', what: 'last bid of a bidder on an auction', run: runLast },
  { name: 'q19', what: 'ten highest bids of an auction', run: runHighest },
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
  return { ...run, checked: expected.size }
}

function runLast(bids: readonly Bid[]): Checked {
  const run = runPipeline(
    q18,
    recordsOf(bids, ({ bidder, auction }) => `${bidder}/${auction}`),
  )
  const expected = naiveLast(bids)
  for (const [key, { price, channel, url, dateTime }] of expected)
    same(`q18 of ${key}`, run.row(key).features, { price, channel, url, dateTime })
  return { ...run, checked: expected.size }
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
  return { ...run, checked: expected.size }
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
