import { Shop, type ShopEvent } from '../../cli/shop.ts'
import { PRODUCTS } from '../../cli/shop-products.ts'
import { pumpShop } from '../../cli/shop-pump.ts'
import { UserError } from '../../cli/user-error.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('synthetic shop')
const start = Date.UTC(2026, 0, 5, 12)

test('the same seed and times give the same events, and another seed others', () => {
  const text = (seed: number) => JSON.stringify(draw(new Shop({ seed }), 5_000))
  assert.is(text(7), text(7))
  assert.is.not(text(7), text(8))
})

test('views lead to carts and carts to orders, in the proportions of a shop that sends emails', () => {
  const events = draw(new Shop({ seed: 1 }), 60_000)
  const share = (name: string) =>
    events.filter(({ event }) => event === name).length / events.length
  between(share('Product Viewed'), 0.6, 0.74)
  between(share('Product Added'), 0.11, 0.2)
  between(share('Order Completed'), 0.035, 0.08)
  between(share('Order Refunded'), 0.002, 0.006)
  between(share('Email Delivered'), 0.04, 0.08)
  between(share('Email Opened'), 0.03, 0.07)
  between(share('Email Link Clicked'), 0.004, 0.02)
  between(new Set(events.map(({ userId }) => userId)).size, 5_000, 10_000)
})

test('an order holds what was added before, and its revenue is the sum of it', () => {
  const carts = new Map<string, number>()
  let orders = 0
  for (const { event, userId, messageId, properties } of unique(
    draw(new Shop({ seed: 2 }), 20_000),
  )) {
    if (event === 'Product Added')
      carts.set(
        userId,
        (carts.get(userId) ?? 0) + Number(properties.price) * Number(properties.quantity),
      )
    if (event !== 'Order Completed') continue
    orders++
    const products = properties.products as { price: number; quantity: number }[]
    const sum = products.reduce((total, { price, quantity }) => total + price * quantity, 0)
    assert.ok(Math.abs(sum - Number(properties.revenue)) < 0.005, messageId)
    assert.ok((carts.get(userId) ?? 0) > sum - 0.005, `${messageId}: nothing was added before`)
  }
  assert.ok(orders > 500)
})

test('a refund is of an order before it, and who opened and clicked is said', () => {
  const events = unique(draw(new Shop({ seed: 2 }), 20_000))
  const orders = new Map<unknown, ShopEvent>()
  const delivered = new Map<unknown, string>()
  const verdicts = new Map<unknown, number>()
  for (const { event, userId, properties, context } of events) {
    const one = { event, userId, properties, context }
    if (event === 'Order Completed') orders.set(properties.order_id, one as ShopEvent)
    if (event === 'Order Refunded') {
      const order = orders.get(properties.order_id)
      assert.equal([order?.userId, order?.properties], [userId, properties])
      assert.ok(orders.delete(properties.order_id), 'twice')
    }
    if (event === 'Email Delivered') delivered.set(properties.email_id, userId)
    if (event !== 'Email Opened' && event !== 'Email Link Clicked') continue
    assert.is(delivered.get(properties.email_id), userId)
    const { verdict } = context.classification as { verdict: string }
    if (event === 'Email Link Clicked') assert.is(verdict, 'human')
    else verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
  }
  assert.equal([...verdicts.keys()].sort(), ['human', 'prefetch', 'proxy', 'scanner'])
  const opened = [...verdicts.values()].reduce((sum, count) => sum + count, 0)
  between((verdicts.get('human') ?? 0) / opened, 0.48, 0.62)
})

test('some events come twice, a little later and unchanged, and message ids are else unique', () => {
  const events = draw(new Shop({ seed: 3 }), 50_000)
  const seen = new Map<string, { at: number; text: string }>()
  let doubled = 0
  events.forEach((event, at) => {
    const first = seen.get(event.messageId)
    if (first === undefined) seen.set(event.messageId, { at, text: JSON.stringify(event) })
    else {
      doubled++
      assert.is(JSON.stringify(event), first.text)
    }
  })
  between(doubled / events.length, 0.015, 0.025)
})

test('some events happened minutes to hours before, and none in the future', () => {
  const events = draw(new Shop({ seed: 4 }), 50_000)
  const lateness = events.map(({ timestamp, sentAt }) => Date.parse(sentAt) - Date.parse(timestamp))
  assert.ok(lateness.every(ms => ms === 0 || (ms >= 60_000 && ms <= 6 * 3_600_000)))
  between(lateness.filter(ms => ms > 0).length / events.length, 0.02, 0.04)
})

test('a shop that goes on after an earlier one repeats none of its message ids', () => {
  const earlier = new Set(draw(new Shop({ seed: 5 }), 3_000).map(({ messageId }) => messageId))
  const later = draw(new Shop({ seed: 5, first: 3_000 }), 3_000)
  assert.equal(
    later.filter(({ messageId }) => earlier.has(messageId)),
    [],
  )
})

test('products have ids of their own, names, categories and prices', () => {
  assert.is(new Set(PRODUCTS.map(({ id }) => id)).size, 240)
  assert.ok(PRODUCTS.every(({ cents }) => cents >= 400 && Number.isInteger(cents)))
})

test('the pump sends at its rate, and does not make up for a long pause', async () => {
  let nowMs = 0
  const stop = new AbortController()
  const sent: ShopEvent[] = []
  const clock = {
    ...systemClock,
    now: () => start + nowMs,
    elapsed: () => nowMs,
    async sleep(ms: number) {
      nowMs += nowMs >= 2_000 && nowMs < 2_025 ? 60_000 : ms
      if (nowMs >= 64_000) stop.abort()
    },
  }
  await pumpShop({
    shop: new Shop({ seed: 6 }),
    send: async events => void sent.push(...events),
    ...{ eventsPerSecond: 300, clock, signal: stop.signal },
  })
  // 4 s at the rate, and half a second for the minute of pause.
  between(sent.length, 1_300, 1_400)
})

test('the pump ends with the error of a door that refuses', async () => {
  const refusal = new UserError('events_refused', 'no')
  const pumping = () =>
    pumpShop({
      shop: new Shop({ seed: 6 }),
      send: () => Promise.reject(refusal),
      ...{ eventsPerSecond: 5_000, clock: systemClock, signal: AbortSignal.timeout(5_000) },
    })
  await rejects(pumping, 'events_refused')
})

test.run()

/** Events 10 ms apart. */
function draw(shop: Shop, count: number): ShopEvent[] {
  return Array.from({ length: count }, (_, at) => shop.next(start + at * 10))
}

function unique(events: ShopEvent[]): ShopEvent[] {
  return [...new Map(events.map(event => [event.messageId, event])).values()]
}

function between(value: number, least: number, most: number): void {
  assert.ok(value >= least && value <= most, `${value} is not from ${least} to ${most}`)
}
