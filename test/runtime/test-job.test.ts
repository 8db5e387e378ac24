import { after, count, defineJob, firstTime, lastDistinct, process } from '../../jobs/define-job.ts'
import { testJob } from '../../runtime/test-job.ts'
import { assert, suite } from '../harness.ts'

const test = suite('testing a job without a broker')

const shop = defineJob({
  name: 'shop',
  input: 'events',
  identity: true,
  features: {
    views: count({ of: 'Product Viewed' }),
    viewsToday: count({ of: 'Product Viewed', over: '1d', every: '1h' }),
    lastViewed: lastDistinct({ of: 'Product Viewed', value: 'product_id', keep: 3 }),
    since: firstTime({}),
  },
  segments: { keen: features => features.views >= 3 },
  triggers: { abandoned: after('1h', { from: 'Product Added', unless: 'Order Completed' }) },
})

const view = (product_id: string, rest = {}) => ({
  event: 'Product Viewed',
  properties: { product_id },
  ...rest,
})

test('features follow events, and decay as time passes', () => {
  const t = testJob(shop)
  t.send(view('a'))
  t.send(view('b'))
  t.send({ event: 'Product Added' })
  assert.equal(t.features('u1'), { views: 2, viewsToday: 2, lastViewed: ['b', 'a'], since: t.now })
  t.advance('25h')
  assert.is(t.features('u1')?.viewsToday, 0)
  assert.equal(
    t.triggers().map(({ trigger, key, reason }) => [trigger, key, reason]),
    [['abandoned', 'u1', '1h after Product Added']],
  )
  assert.is(t.features('nobody'), undefined)
})

test('repeats, late and bad events are told apart', () => {
  const t = testJob(shop)
  t.send(view('a', { messageId: 'same' }))
  t.send(view('a', { messageId: 'same' }))
  t.send(view('a', { timestamp: t.now - 3 * 86_400_000 }))
  t.send({ event: 'Product Viewed' })
  assert.is(t.features('u1')?.views, 2)
  assert.is(t.features('u1')?.viewsToday, 1)
  assert.equal(
    t.late().map(({ code }) => code),
    ['late'],
  )
  assert.equal(
    t.dead().map(({ code }) => code),
    ['bad_value'],
  )
})

test('a restart changes nothing', () => {
  const t = testJob(shop)
  t.send(view('a'))
  t.send({ event: 'Product Added', userId: 'u2' })
  const before = t.features('u1')
  t.restart()
  assert.equal(t.features('u1'), before)
  t.advance('2h')
  assert.equal(
    t.triggers().map(({ key }) => key),
    ['u2'],
  )
})

test('what somebody did before he was known becomes his, once, and what he does there later too', () => {
  const t = testJob(shop)
  t.send(view('a', { anonymousId: 'phone' }))
  t.send({ event: 'Product Added', anonymousId: 'phone' })
  t.send(view('b', { userId: 'ada' }))
  assert.is(t.features('phone')?.views, 1)
  t.send({ type: 'identify', userId: 'ada', anonymousId: 'phone' })
  t.send({ type: 'identify', userId: 'ada', anonymousId: 'phone' })
  assert.is(t.features('phone'), undefined)
  assert.is(t.features('ada')?.views, 2)
  t.restart()
  t.send(view('c', { anonymousId: 'phone' }))
  assert.is(t.features('ada')?.views, 3)
  assert.equal(t.features('ada')?.lastViewed, ['c', 'b', 'a'])
  assert.equal(t.segments('ada'), ['keen'])
  t.advance('2h')
  assert.equal(
    t.triggers().map(({ trigger, key }) => [trigger, key]),
    [
      ['keen', 'ada'],
      ['abandoned', 'ada'],
    ],
  )
  assert.equal(t.dead(), [])
})

test('an alias stays with its first user', () => {
  const t = testJob(shop)
  t.send(view('a', { anonymousId: 'phone' }))
  t.send({ type: 'identify', userId: 'ada', anonymousId: 'phone' })
  t.send({ type: 'alias', userId: 'bob', previousId: 'phone' } as object)
  assert.is(t.features('ada')?.views, 1)
  assert.is(t.features('bob')?.views, 0)
  assert.equal(
    t.dead().map(({ code }) => code),
    ['linked_already'],
  )
})

test('an identify with an impossible alias is a dead letter, and changes nothing', () => {
  const t = testJob(shop)
  t.send(view('a', { userId: 'ada' }))
  const before = t.features('ada')
  t.send({ type: 'identify', userId: 'ada', anonymousId: '\0hidden' })
  assert.equal(t.features('ada'), before)
  assert.equal(
    t.dead().map(({ code }) => code),
    ['bad_rekey'],
  )
})

test('an erasure leaves nothing of a user, his aliases and his timers', () => {
  const t = testJob(shop)
  t.send(view('a', { anonymousId: 'phone' }))
  t.send({ type: 'identify', userId: 'ada', anonymousId: 'phone' })
  t.send({ event: 'Product Added', userId: 'ada' })
  t.send({ type: 'delete', userId: 'ada' })
  assert.is(t.features('ada'), undefined)
  t.advance('2h')
  assert.equal(t.triggers(), [])
  t.send(view('b', { anonymousId: 'phone' }))
  assert.is(t.features('phone')?.views, 1)
  t.send(view('c', { userId: 'ada' }))
  assert.is(t.features('ada')?.views, 1)
})

test('a call takes microseconds', () => {
  const t = testJob(defineJob({ name: 'any', input: 'events', features: { all: count({}) } }))
  const calls = 5_000
  const before = globalThis.process.cpuUsage()
  for (let call = 0; call < calls; call++) t.send({ event: 'A' })
  const { user, system } = globalThis.process.cpuUsage(before)
  assert.ok((user + system) / calls < 500, `${(user + system) / calls} µs a call`)
})

test('a process of its own may keep objects, also over a restart', () => {
  const t = testJob(
    defineJob({
      ...{ name: 'any', input: 'events' },
      features: {
        seen: process<{ by: Record<string, number> }>({
          create: () => ({ by: {} }),
          on: (state, { event }) => {
            state.by[event] = (state.by[event] ?? 0) + 1
          },
          value: state => state.by,
        }),
      },
    }),
  )
  t.send({ event: 'A' })
  t.restart()
  t.send({ event: 'A' })
  assert.equal(t.features('u1')?.seen, { A: 2 })
})

test.run()
