import {
  bestHour,
  defineJob,
  engagement,
  frequencyCap,
  lifetimeValue,
  quintileEdges,
  rfm,
  rfmSegments,
  rhythm,
  signUp,
  table,
} from '../../jobs/define-job.ts'
import type { Feature } from '../../jobs/feature.ts'
import { type JobTest, testJob } from '../../runtime/test-job.ts'
import { assert, suite } from '../harness.ts'

const test = suite('orders, emails and their times, by example')

const at = Date.UTC(2026, 0, 1)
const hourMs = 3_600_000
const dayMs = 24 * hourMs

function driven(features: Record<string, Feature>, more: object = {}): JobTest {
  return testJob(defineJob({ name: 'any', input: 'events', features, ...more }))
}

const shown = (t: JobTest, name: string) => t.features('u1')?.[name]
const human = { classification: { verdict: 'human', reasons: [], ruleset: '1' } }

test('lifetimeValue: refunds are subtracted, whatever their sign and their field', () => {
  const t = driven({ value: lifetimeValue({ refundValue: 'total' }) })
  t.send({ event: 'Order Completed', properties: { revenue: 0.1 } })
  t.send({ event: 'Order Completed', properties: { revenue: 0.2 } })
  assert.is(shown(t, 'value'), 0.3)
  t.send({ event: 'Order Refunded', properties: { total: 0.1 } })
  t.send({ event: 'Order Refunded', properties: { total: -0.1 } })
  assert.is(shown(t, 'value'), 0.1)
  t.send({ event: 'Order Completed', properties: { revenue: '5' } })
  assert.match(t.dead()[0]?.reason ?? '', /feature "value": expected a number/)
})

test('engagement and bestHour: only what humans did counts, in the hour of their own day', () => {
  const t = driven({
    engagement: engagement(),
    hour: bestHour(),
    any: bestHour({ verdict: false }),
  })
  t.send({ type: 'identify', context: { timezone: 'America/New_York' } })
  for (const verdict of ['proxy', 'prefetch', 'scanner', undefined])
    t.send({ event: 'Email Opened', context: verdict ? { classification: { verdict } } : {} })
  assert.equal(shown(t, 'engagement'), {
    ...{ score: 0, opens: 0, clicks: 0, lastOpenAt: null, lastClickAt: null, lastAt: null },
  })
  assert.equal(shown(t, 'hour'), { hour: 10, share: 0.042, confidence: 0, engagements: 0 })
  assert.equal(shown(t, 'any'), { hour: 19, share: 0.315, confidence: 0.286, engagements: 4 })
  t.advance('1d')
  t.send({ event: 'Email Link Clicked', context: human })
  t.advance('30d')
  t.send({ event: 'Email Opened', context: human })
  const [click, open] = [at + dayMs, at + 31 * dayMs]
  assert.equal(shown(t, 'engagement'), {
    ...{ score: 2.5, opens: 1, clicks: 1, lastOpenAt: open, lastClickAt: click, lastAt: open },
  })
})

test('bestHour: the prior holds until the user says otherwise, and may come from a table', () => {
  const prior = Array.from({ length: 24 }, (_, hour) => (hour === 8 ? 5 : 1))
  const options = { zone: 'Europe/Berlin', strength: 6 }
  const job = defineJob({
    ...{ name: 'any', input: 'events' },
    tables: { hours: table('hours.csv', { key: 'hour', columns: { weight: 'number' } }) },
    features: {
      given: bestHour({ ...options, prior }),
      table: bestHour({ ...options, prior: 'hours' }),
    },
  })
  const hours = { hash: 'h', get: (hour: unknown) => ({ weight: prior[Number(hour)] }) }
  const bound = job.tables?.bind({ hours })
  if (!bound) throw new Error('the job has tables')
  const t = testJob(bound)
  t.send({ event: 'Other' })
  const expect = (hour: number, share: number, confidence: number, engagements: number) => {
    const shown = { hour, share, confidence, engagements }
    assert.equal(t.features('u1'), { given: shown, table: shown })
  }
  expect(8, 0.179, 0, 0)
  t.send({ event: 'Email Opened', context: human, timestamp: at + 20 * hourMs })
  expect(21, 0.173, 0.143, 1)
  const broken = { hash: 'h', get: () => ({ weight: 'much' }) }
  assert.throws(
    () => job.tables?.bind({ hours: broken }),
    /feature "table": table "hours" has "much" in column weight of "0"; write a number there/,
  )
})

test('frequencyCap: is open again when enough of them are old enough, by the clock alone', () => {
  const t = driven({ cap: frequencyCap({ max: 2, over: '7d' }) })
  t.send({ event: 'Email Delivered' })
  assert.equal(shown(t, 'cap'), { count: 1, allowed: true, allowedAt: null })
  t.advance('1d')
  t.send({ event: 'Email Delivered' })
  t.send({ event: 'Email Delivered', timestamp: at + dayMs / 2 })
  assert.equal(shown(t, 'cap'), { count: 3, allowed: false, allowedAt: at + 7.5 * dayMs })
  t.restart()
  t.advance('6d')
  assert.is((shown(t, 'cap') as { allowed: boolean }).allowed, false)
  t.advance('12h')
  assert.equal(shown(t, 'cap'), { count: 1, allowed: true, allowedAt: null })
})

test('signUp: who left is back when he signs up or confirms again; of one moment, the no counts', () => {
  const t = driven({ letter: signUp(), single: signUp({ confirmed: false }) })
  const status = (name: string) => {
    const { status, mailable } = shown(t, name) as { status: string; mailable: boolean }
    return `${status} ${mailable}`
  }
  t.send({ event: 'Signed Up' })
  assert.equal([status('letter'), status('single')], ['signed up false', 'signed up true'])
  t.advance('1h')
  t.send({ event: 'Email Confirmed' })
  t.send({ event: 'Unsubscribed' })
  assert.equal([status('letter'), status('single')], ['unsubscribed false', 'unsubscribed false'])
  t.advance('1h')
  t.send({ event: 'Email Confirmed' })
  assert.is(status('letter'), 'confirmed true')
  assert.equal(shown(t, 'letter'), {
    ...{ status: 'confirmed', mailable: true, signedUpAt: at },
    ...{ confirmedAt: at + hourMs, unsubscribedAt: at + hourMs },
  })
})

test('rfm and rhythm: time alone moves a user from segment to segment, a day at a time, and then no more', () => {
  const t = driven(
    { rfm: rfm({ recencyDays: [2, 4, 6, 8] }), rhythm: rhythm({ daysMax: 10 }) },
    { segments: rfmSegments('rfm') },
  )
  t.send({ event: 'Order Completed', properties: { revenue: 60 } })
  t.advance('2d')
  t.send({ event: 'Order Completed', properties: { revenue: 600 } })
  t.send({ event: 'Order Refunded', properties: { revenue: 60 } })
  const lastAt = at + 2 * dayMs
  assert.equal(shown(t, 'rfm'), {
    ...{ recencyDays: 0, orders: 2, spend: 600, lastAt, r: 5, f: 2, m: 4 },
    ...{ score: '524', segment: 'active' },
  })
  assert.equal(t.segments('u1'), ['active'])
  t.advance('3d')
  assert.equal(shown(t, 'rhythm'), {
    ...{ count: 2, lastAt, daysSince: 3, meanDays: 2, medianDays: 2, ratio: 1.5 },
    nextAt: at + 4 * dayMs,
  })
  t.restart()
  t.advance('100d')
  assert.is((shown(t, 'rfm') as { recencyDays: number }).recencyDays, 8)
  assert.is((shown(t, 'rhythm') as { daysSince: number }).daysSince, 10)
  assert.equal(
    t.triggers().map(({ trigger, reason, time }) => `${trigger} ${reason} ${(time - at) / dayMs}`),
    [
      ...['new entered 0', 'new left 2', 'active entered 2'],
      ...['active left 8', 'atRisk entered 8', 'atRisk left 10', 'lapsed entered 10'],
    ],
  )
})

test('rfm: publishes once a day until its last edge, and sets no timer after that', () => {
  const job = defineJob({
    name: 'any',
    input: 'events',
    features: { rfm: rfm({ optional: true }) },
  })
  const state = job.create()
  const context = {
    ...{ key: 'u1', watermark: undefined },
    ...{ emit: () => undefined, rekey: () => undefined, drop: () => undefined },
  }
  const event = { key: 'u1', messageId: '', type: 'track', event: 'Order Completed', userId: 'u1' }
  const nothing = { anonymousId: undefined, sentAt: undefined, receivedAt: undefined }
  const rest = { ...nothing, properties: {}, traits: {}, context: {}, state: undefined }
  job.absorb(state, { ...event, ...rest, timestamp: at }, context)
  const fired: number[] = []
  for (
    let n = 0, timer = job.nextTimer(state);
    timer && n < 300;
    n++, timer = job.nextTimer(state)
  ) {
    fired.push((timer.time - at) / dayMs)
    job.fire(state, timer, context)
  }
  assert.equal(
    fired,
    Array.from({ length: 240 }, (_, day) => day + 1),
  )
})

test('rfm: edges may be the quintiles of all users, given by hand or by a table', () => {
  const users = Array.from({ length: 100 }, (_, n) => {
    return { recencyDays: n, orders: 1 + Math.floor(n / 30), spend: 10 * n }
  })
  const never = { recencyDays: null, orders: 0, spend: 0 }
  const edges = quintileEdges([...users, never])
  assert.equal(edges, {
    ...{ recencyDays: [20, 40, 60, 80], orders: [2, 3, 4, 5], spend: [200, 400, 600, 800] },
  })
  const job = defineJob({
    ...{ name: 'any', input: 'events' },
    tables: { fifths: table('fifths.csv', { key: 'measure' }) },
    features: { hand: rfm(edges), table: rfm({ edges: 'fifths' }) },
  })
  const fifths = {
    hash: 'f',
    get(measure: unknown) {
      const [edge1, edge2, edge3, edge4] = edges[measure as keyof typeof edges]
      return { edge1, edge2, edge3, edge4 }
    },
  }
  const bound = job.tables?.bind({ fifths })
  if (!bound) throw new Error('the job has tables')
  const t = testJob(bound)
  t.send({ event: 'Order Completed', properties: { revenue: 500 } })
  t.advance('45d')
  const { hand, table: byTable } = t.features('u1') ?? {}
  assert.equal(hand, byTable)
  assert.is((hand as { score: string }).score, '313')
})

test.run()
