import { type WorkloadEvent, workload } from '../../bench/events.ts'
import { hashOfFeatures } from '../../bench/features-hash.ts'
import { usageOf } from '../../bench/measured-process.ts'
import { naiveFeatures } from '../../bench/naive.ts'
import peerJob from '../../bench/peer-job.ts'
import { table, withSection } from '../../bench/results.ts'
import { median, percentile } from '../../bench/run-result.ts'
import { decodeEvent } from '../../runtime/decode.ts'
import { assert, rejects, suite } from '../harness.ts'
import { contextOf } from '../jobs/events.ts'

const test = suite('benchmark workload')
const options = { events: 20_000, users: 1_000, seed: 1 }

test('the events are the same for the same seed, and others for another', () => {
  const text = (seed: number) => JSON.stringify([...workload({ ...options, events: 50, seed })])
  assert.is(text(1), text(1))
  assert.not.equal(text(1), text(2))
})

test('events are of about 350 bytes, five eighths views, in order of time, a few users having most', () => {
  const events = [...workload(options)]
  const bytes = events.reduce((sum, event) => sum + JSON.stringify(event).length, 0) / events.length
  assert.ok(bytes > 330 && bytes < 370, `${bytes}`)
  const views = events.filter(({ event }) => event === 'Product Viewed').length / events.length
  assert.ok(Math.abs(views - 5 / 8) < 0.02, `${views}`)
  const times = events.map(({ timestamp }) => timestamp)
  assert.equal([...times].sort(), times)
  const firstTenth = events.filter(({ userId }) => Number(userId.slice(5)) < 100).length
  // The product of two uniform numbers lies below a tenth in 0.1 × (1 + ln 10) = 33 % of cases.
  assert.ok(Math.abs(firstTenth / events.length - 0.33) < 0.02, `${firstTenth}`)
})

test('the naive features are what the peers compute, tile by tile', () => {
  const at = (event: WorkloadEvent['event'], timestamp: string, product_id: string) => ({
    messageId: '',
    type: 'track' as const,
    event,
    userId: 'u',
    timestamp,
    properties: { product_id, category: '', price: 2.5, quantity: 2, currency: 'EUR' },
    context: {},
  })
  const [features] = naiveFeatures([
    at('Product Viewed', '2026-01-01T09:59:59.000Z', 'left the window'),
    at('Product Viewed', '2026-01-01T10:00:00.000Z', 'a'),
    at('Order Completed', '2026-01-01T10:00:00.000Z', 'a'),
    at('Product Viewed', '2026-01-02T00:00:00.000Z', 'b'),
    at('Product Viewed', '2026-01-03T00:00:00.000Z', 'a'),
    at('Product Added', '2026-01-08T09:59:59.000Z', 'c'),
  ])
  assert.equal(features, {
    user: 'u',
    views7d: 3,
    purchases7d: 1,
    spend7d: 5,
    count: 6,
    lastTs: Date.UTC(2026, 0, 8, 9, 59, 59),
    last10: ['a', 'b', 'left the window'],
  })
})

test('the job of the comparison says what the naive features say', () => {
  const states = new Map<string, ReturnType<typeof peerJob.create>>()
  for (const raw of workload(options)) {
    const event = decodeEvent(Buffer.from(JSON.stringify(raw)), Date.UTC(2100, 0))
    const state = states.get(event.userId) ?? peerJob.create()
    states.set(event.userId, state)
    peerJob.absorb(state, event, contextOf())
  }
  const features = naiveFeatures(workload(options))
  const found = Array.from(states, ([user, state]) => ({ ...peerJob.row(state).features, user }))
  assert.is(hashOfFeatures(found as typeof features), hashOfFeatures(features))
})

test('the hash ignores the order of users and the last bits of money, and nothing else', () => {
  const features = naiveFeatures(workload(options))
  const [first, ...rest] = features
  if (first === undefined) throw new Error('there are no features')
  const hash = hashOfFeatures(features)
  assert.is(hashOfFeatures([...rest, first]), hash)
  assert.is(hashOfFeatures([{ ...first, spend7d: first.spend7d + 1e-9 }, ...rest]), hash)
  for (const changed of [
    { user: 'x' },
    { views7d: first.views7d + 1 },
    { purchases7d: -1 },
    { spend7d: first.spend7d + 0.01 },
    { count: 0 },
    { lastTs: 0 },
    { last10: [] },
  ]) {
    assert.is.not(hashOfFeatures([{ ...first, ...changed }, ...rest]), hash)
  }
})

test('a section of the results is replaced where it stands, and added where it does not', () => {
  const text = withSection(withSection('# Results\n', 'One', 'old'), 'Two', 'kept')
  const again = withSection(text, 'One', 'new')
  assert.is(again, '# Results\n\n## One\n\nnew\n\n## Two\n\nkept\n')
  assert.is(withSection(again, 'Two', 'last'), '# Results\n\n## One\n\nnew\n\n## Two\n\nlast\n')
  assert.is(table(['a', 'b'], [['x', 1]]), '| a | b |\n| --- | --: |\n| x | 1 |')
})

test('medians and percentiles are of the values in order, and there are none of nothing', async () => {
  assert.equal([median([9, 1, 5]), median([4, 1, 3, 2])], [5, 2.5])
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n)
  const shares = [0.5, 0.95, 0.99, 1].map(share => percentile(hundred, share))
  assert.equal(shares, [50, 95, 99, 100])
  await rejects(() => median([]), /nothing/)
  await rejects(() => percentile([], 0.5), /nothing/)
})

test('the processor time and memory of a process are read, and of none that is gone', () => {
  const before = usageOf(process.pid)
  const until = process.cpuUsage().user + 100_000
  while (process.cpuUsage().user < until);
  const after = usageOf(process.pid)
  assert.ok((after?.cpuSeconds ?? 0) - (before?.cpuSeconds ?? 0) > 0.05)
  assert.ok((after?.peakRssMb ?? 0) > 20)
  assert.is(usageOf(2 ** 22 + 1), undefined)
})

test.run()
