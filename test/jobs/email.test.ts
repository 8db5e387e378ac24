import { Shop } from '../../cli/shop.ts'
import email from '../../jobs/email.ts'
import { encodeState } from '../../state/codec.ts'
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
  const { length } = encodeState(email.encode(state), email.nextTimer(state)?.time)
  assert.ok(length < 400, `${length} bytes`)
})

test.run()
