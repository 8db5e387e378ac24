import { workload } from '../../bench/events.ts'
import { hashOfFeatures } from '../../bench/features-hash.ts'
import { type Kept, losses } from '../../bench/kept.ts'
import { latencyMedians } from '../../bench/latency-run.ts'
import { naiveFeatures, type UserFeatures } from '../../bench/naive.ts'
import peerJob from '../../bench/peer-job.ts'
import { hottestShare } from '../../bench/scale-skew.ts'
import { checkHashes, standingsOf, standingsText } from '../../bench/standings.ts'
import { targetsTable } from '../../bench/targets.ts'
import { zipf } from '../../bench/zipf.ts'
import { seededRandom } from '../../cli/random.ts'
import { decodeEvent } from '../../runtime/decode.ts'
import { assert, rejects, suite } from '../harness.ts'
import { contextOf } from '../jobs/events.ts'

const test = suite('benchmark figures')

test('users by Zipf’s law come as often as their rank says', () => {
  const draw = zipf(1_000, seededRandom(3))
  const counts = new Array<number>(1_000).fill(0)
  for (let index = 0; index < 200_000; index++) {
    const rank = draw()
    counts[rank] = (counts[rank] ?? 0) + 1
  }
  const harmonic = counts.reduce((sum, _, rank) => sum + 1 / (rank + 1), 0)
  for (const rank of [0, 1, 9, 99]) {
    const expected = 200_000 / (rank + 1) / harmonic
    const found = counts[rank] ?? 0
    assert.ok(Math.abs(found - expected) < 5 * Math.sqrt(expected), `rank ${rank}: ${found}`)
  }
})

test('a month of events is out of order, lets tiles expire, and the job says what a plain recomputation says', () => {
  const events = [...workload({ events: 5_000, users: 100, seed: 1, shape: 'month' })]
  const times = events.map(({ timestamp }) => Date.parse(timestamp))
  const late = times.filter((time, index) => time < (times[index - 1] ?? time)).length
  assert.ok(late > 500, `${late}`)
  assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) > 28 * 86_400_000)
  const states = new Map<string, ReturnType<typeof peerJob.create>>()
  for (const raw of events) {
    const event = decodeEvent(Buffer.from(JSON.stringify(raw)), Date.UTC(2100, 0))
    const state = states.get(event.userId) ?? peerJob.create()
    states.set(event.userId, state)
    peerJob.absorb(state, event, contextOf())
  }
  const features = naiveFeatures(events)
  assert.ok(features.some(({ count, views7d, purchases7d }) => count > 2 * (views7d + purchases7d)))
  const found = Array.from(states, ([user, state]) => ({ ...peerJob.row(state).features, user }))
  assert.is(hashOfFeatures(found as UserFeatures[]), hashOfFeatures(features))
})

test('what has lost more than a quarter is told, the machine’s own speed taken out', () => {
  const kept = (yardstick: number, speed: number, cost: number, size: number): Kept => ({
    ...{ date: '2026-01-01', yardstick },
    figures: [
      { name: 'speed', value: speed, unit: 'events/s' },
      { name: 'cost', value: cost, unit: 's of CPU' },
      { name: 'size', value: size, unit: 'MB' },
    ],
  })
  const names = (before: Kept | undefined, now: Kept) =>
    losses(before, now).map(line => /%: (\w+) is/.exec(line)?.[1])
  const before = kept(100, 1_000, 10, 50)
  assert.equal(names(before, before), [])
  assert.equal(names(undefined, before), [])
  assert.equal(names(before, kept(50, 500, 20, 50)), []) // a machine half as fast
  assert.equal(names(before, kept(100, 700, 14, 70)), ['speed', 'cost', 'size'])
  assert.equal(names(before, kept(100, 760, 13, 66)), [])
  assert.equal(names(before, kept(50, 500, 20, 100)), ['size'])
  assert.equal(names(before, { ...kept(100, 700, 14, 70), how: 'ten times as many users' }), [])
})

test('a target is reached, missed or not measured', () => {
  const lanes = (value: number) => ({
    ...{ date: '', yardstick: 1 },
    figures: [{ name: '2 lanes / 1 lane', value, unit: '×' as const }],
  })
  const row = (all: Record<string, Kept>) =>
    targetsTable(all)
      .split('\n')
      .find(line => line.includes('two lanes')) ?? ''
  assert.match(row({ Lanes: lanes(1.75) }), /\| 1.75 × \| yes \|$/)
  assert.match(row({ Lanes: lanes(1.5) }), /\| 1.5 × \| no \|$/)
  assert.match(row({}), /\| not measured \| – \|$/)
})

test('standings are medians, and engines that end with other features are refused', async () => {
  const result = (engine: string, eventsPerSecond: number, hash = 'same') => ({
    ...{ engine, guarantee: 'exactly-once', events: 1, seconds: 1, eventsPerSecond },
    ...{ startupSeconds: 1, cpuSeconds: 10, peakRssMb: 100, hash },
  })
  const results = [
    result('Millrace', 300),
    result('peer', 50),
    result('Millrace', 100),
    result('Millrace', 200),
  ]
  const [ours, peer] = standingsOf(results)
  assert.equal([ours?.eventsPerSecond, ours?.least, ours?.most], [200, 100, 300])
  assert.is(peer?.eventsPerSecond, 50)
  assert.match(standingsText(standingsOf(results)), /Millrace \/ peer: 4.00 × the events\/s/)
  checkHashes(results)
  await rejects(() => checkHashes([...results, result('peer', 1, 'other')]), /peer ended with/)
  const latency = (p50: number) => ({
    engine: 'ours',
    eventsPerSecond: 500,
    p50,
    p95: 2,
    p99: 3,
    most: 4,
  })
  assert.is(latencyMedians([latency(1), latency(9), latency(5)])[0]?.p50, 5)
})

test('partitions of even users are even, and one user with a twentieth keeps a twentieth in one', () => {
  assert.is(hottestShare(1, 100, 'Zipf'), 1)
  const even = hottestShare(10, 20_000, 'even')
  assert.ok(even > 0.1 && even < 0.11, `${even}`)
  assert.ok(hottestShare(500, 20_000, 'one user with 5 %') > 0.05)
})

test.run()
