import { Shop } from '../../cli/shop.ts'
import email from '../../jobs/email.ts'
import type { JobState } from '../../jobs/layout.ts'
import { encodedAlone } from '../../jobs/state-bytes.ts'
import { encodeEntity, newEntity } from '../../runtime/entity.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'

const test = suite('email job')

const dayMs = 86_400_000
const startMs = Date.UTC(2026, 5, 1)

test('an order and its refund come out even, and the first order stays the first', () => {
  const state = email.create()
  const context = contextOf()
  const properties = {
    revenue: 30.5,
    products: [{ product_id: 'a', quantity: 2 }, { product_id: 'b' }],
  }
  const send = (event: string, days: number) =>
    email.absorb(state, eventOf({ event, timestamp: startMs + days * dayMs, properties }), context)
  send('Order Completed', 0)
  send('Order Completed', 2)
  assert.equal(pick('orders', 'units', 'revenue', 'spend30d'), [2, 6, 61, 61])
  send('Order Refunded', 31)
  assert.equal(pick('orders', 'units', 'revenue', 'spend30d', 'orders30d'), [2, 3, 30.5, 30.5, 1])
  assert.equal(
    context.sent.map(({ name, time }) => [name, time]),
    [['firstOrder', startMs]],
  )

  function pick(...names: string[]): unknown[] {
    const { features } = email.row(state)
    return names.map(name => features[name])
  }
})

test('it takes every event of the made-up shop, and products are in the order of viewing', () => {
  const shop = new Shop({ seed: 3, users: 20 })
  const state = email.create()
  const viewed: unknown[] = []
  for (let index = 0; index < 3_000; index++) {
    const { event, messageId, timestamp, properties } = shop.next(startMs + index * 1_000)
    email.absorb(
      state,
      eventOf({ event, messageId, timestamp: Date.parse(timestamp), properties }),
      contextOf(),
    )
    if (event === 'Product Viewed') viewed.unshift(properties.product_id)
  }
  const { features } = email.row(state)
  assert.equal(features.lastViewed, [...new Set(viewed)].slice(0, 10))
  assert.is(features.views7d, viewed.length)
  assert.ok((features.orders as number) > 0 && (features.units as number) > 0)
})

test('engagement and frequency of emails are known of the customers of the made-up shop', () => {
  const shop = new Shop({ seed: 5, users: 10 })
  const state = email.create()
  for (let index = 0; index < 2_000; index++) {
    const { event, messageId, timestamp, properties, context } = shop.next(startMs + index * 1_000)
    const time = Date.parse(timestamp)
    const one = eventOf({ event, messageId, timestamp: time, properties, context })
    email.absorb(state, one, contextOf())
  }
  const { engagement, bestHour, emailCap, revenue, orders } = email.row(state).features as Record<
    string,
    Record<string, number>
  >
  assert.ok(Number(engagement?.opens) > 20 && Number(engagement?.clicks) > 5)
  assert.ok(Number(engagement?.opens) < 150, 'machines do not count')
  assert.ok(Number(bestHour?.confidence) > 0.5, 'all of them were in the same half hour')
  assert.is(bestHour?.hour, 2, "midnight UTC on Berlin's clocks in June")
  assert.ok(Number(emailCap?.count) > 0)
  assert.ok(Number(revenue) > 0 && Number(orders) > 0)
})

test('an event without what a feature would like to know is taken', () => {
  const state = email.create()
  for (const event of [
    'Product Viewed',
    'Product Added',
    'Order Completed',
    'Order Refunded',
    'Signed Up',
  ])
    email.absorb(state, eventOf({ event, timestamp: startMs }), contextOf())
  const { orders, units, revenue, lastViewed, firstSeenAt } = email.row(state).features
  assert.equal([orders, units, revenue, lastViewed, firstSeenAt], [1, 0, 0, [], startMs])
})

test('a customer of twenty events takes less than 400 bytes', () => {
  const shop = new Shop({ seed: 3, users: 1 })
  const state = email.create()
  for (let index = 0; index < 20; index++) {
    const { event, timestamp, properties } = shop.next(startMs + index * 20 * 60_000)
    email.absorb(
      state,
      eventOf({ event, timestamp: Date.parse(timestamp), properties }),
      contextOf(),
    )
  }
  const { length } = encodedAlone(email, state)
  assert.ok(length < 400, `${length} bytes`)
})

test('a customer of the shop has a cart until he orders, and a score from then on', () => {
  const shop = new Shop({ seed: 4, users: 30 })
  const states = new Map<string, ReturnType<typeof email.create>>()
  const carts = new Map<string, Map<unknown, number>>()
  let orders = 0
  for (let index = 0; index < 2_000; index++) {
    const one = shop.next(startMs + index * 60_000)
    // As it happened: late and doubled events are for other tests.
    const { event, userId, properties } = one
    if (one.timestamp !== one.sentAt || one.sentAt !== iso(index)) continue
    const state = states.get(userId) ?? email.create()
    const cart = carts.get(userId) ?? new Map<unknown, number>()
    states.set(userId, state)
    carts.set(userId, cart)
    email.absorb(
      state,
      eventOf({ event, timestamp: Date.parse(one.timestamp), properties }),
      contextOf(),
    )
    const { product_id: id, quantity } = properties
    if (event === 'Product Added') cart.set(id, (cart.get(id) ?? 0) + Number(quantity))
    if (event === 'Order Completed') cart.clear()
    const { features } = email.row(state)
    const { items } = features.cart as { items: { id: string; quantity: number }[] }
    assert.equal(new Map(items.map(line => [line.id, line.quantity])), new Map(cart))
    const { recencyDays, orders: scored } = features.rfm as Record<string, number | null>
    assert.is(scored, features.orders)
    assert.is(recencyDays === null, features.orders === 0)
    orders += event === 'Order Completed' ? 1 : 0
  }
  assert.ok(orders > 50, `${orders} orders`)
})

test('a customer of twenty events takes less than 600 bytes at rest, with all that the runtime remembers of him', () => {
  const shop = new Shop({ seed: 3, users: 400 })
  const entities = new Map<
    string,
    { entity: ReturnType<typeof newEntity<JobState>>; left: number }
  >()
  const bytes: number[] = []
  for (let index = 0; bytes.length < 100 && index < 50_000; index++) {
    const { event, messageId, timestamp, userId, properties } = shop.next(startMs + index * 300_000)
    const time = Date.parse(timestamp)
    const one = entities.get(userId) ?? { entity: newEntity(email, userId), left: 20 }
    entities.set(userId, one)
    const { entity } = one
    if (one.left === 0 || entity.recent.seen(messageId, time)) continue
    email.absorb(
      entity.state,
      eventOf({ event, messageId, timestamp: time, properties }),
      contextOf(),
    )
    entity.recent.add(messageId, time)
    Object.assign(entity, { offset: 1e9 + index, eventAt: time, asOf: time, receivedAt: time })
    if (--one.left > 0) continue
    rest(entity, time + 7 * dayMs)
    bytes.push(encodeEntity(email, entity).length)
  }
  const mean = bytes.reduce((sum, one) => sum + one, 0) / bytes.length
  assert.is(bytes.length, 100)
  assert.ok(mean < 600, `${mean} bytes`)

  function rest(entity: ReturnType<typeof newEntity<JobState>>, until: number): void {
    for (
      let timer = email.nextTimer(entity.state);
      timer && timer.time < until;
      timer = email.nextTimer(entity.state)
    )
      email.fire(entity.state, timer, contextOf(until))
    entity.timerAt = email.nextTimer(entity.state)?.time
  }
})

function iso(index: number): string {
  return new Date(startMs + index * 60_000).toISOString()
}

test.run()
