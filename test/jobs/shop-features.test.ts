import {
  after,
  cart,
  defineJob,
  lastViewed,
  rhythm,
  session,
  topCategories,
  wishlist,
} from '../../jobs/define-job.ts'
import type { Feature } from '../../jobs/feature.ts'
import { type JobTest, testJob } from '../../runtime/test-job.ts'
import { assert, suite } from '../harness.ts'

const test = suite('carts, wishes, views and visits, by example')

const at = Date.UTC(2026, 0, 1)
const hourMs = 3_600_000
const dayMs = 24 * hourMs

function driven(features: Record<string, Feature>, more: object = {}): JobTest {
  return testJob(defineJob({ name: 'any', input: 'events', features, ...more }))
}

const shown = (t: JobTest, name: string) => t.features('u1')?.[name]

test('cart: is what was added, without what was removed, until an order; and tells since when it is alone', () => {
  const t = driven({ cart: cart() })
  const lamp = { product_id: 'lamp', name: 'Lamp', price: 19.9 }
  t.send({ event: 'Product Added', properties: { ...lamp, quantity: 2 } })
  t.advance('1h')
  t.send({ event: 'Product Added', properties: { product_id: 7, price: 0.1 } })
  t.restart()
  t.advance('1h')
  t.send({ event: 'Product Removed', properties: { product_id: 'lamp', quantity: 1 } })
  assert.equal(shown(t, 'cart'), {
    items: [
      { id: 'lamp', name: 'Lamp', price: 19.9, quantity: 1 },
      { id: '7', price: 0.1, quantity: 1 },
    ],
    ...{ count: 2, value: 20, since: at, abandonedSince: at + 2 * hourMs },
  })
  t.send({ event: 'Product Removed', properties: { product_id: 7 } })
  t.send({ event: 'Order Completed' })
  const empty = { items: [], count: 0, value: 0, since: null, abandonedSince: null }
  assert.equal(shown(t, 'cart'), empty)
})

test('cart: an order that comes late empties it as it was then, and what was added later stays', () => {
  const t = driven({ cart: cart() })
  const add = (id: string) => t.send({ event: 'Product Added', properties: { product_id: id } })
  add('before')
  t.advance('2h')
  add('after')
  t.send({ event: 'Order Completed', timestamp: at + hourMs })
  assert.equal(ids(), ['after'])
  t.send({ event: 'Product Added', properties: { product_id: 'x' }, timestamp: at + hourMs - 1 })
  assert.equal(ids(), ['after'], 'what the order took with it')
  t.advance('3d')
  t.send({ event: 'Other' })
  t.send({ event: 'Order Completed', timestamp: at + 2 * hourMs })
  assert.equal(ids(), [], 'an order counts however late')
  t.send({ event: 'Product Added', properties: { product_id: 'y' }, timestamp: at + 3 * hourMs })
  // An event that is late for some of the job is told of, whatever else takes it.
  assert.equal([ids(), t.late().length], [[], 2])

  function ids(): unknown {
    return (shown(t, 'cart') as { items: { id: string }[] }).items.map(({ id }) => id)
  }
})

test('cart: a list of all that is in it replaces it, and of one moment it comes last', () => {
  const t = driven({ cart: cart({ cleared: ['Order Completed', 'Cart Emptied'] }) })
  const one = (product_id: string, quantity = 1) => ({ product_id, quantity })
  const update = (...products: object[]) =>
    t.send({ event: 'Cart Updated', properties: { products } })
  t.send({ event: 'Product Added', properties: one('a') })
  update(one('b', 2), one('c'), one('b'))
  t.send({ event: 'Product Added', properties: one('d') })
  assert.equal(lines(), ['b 3', 'c 1'])
  update(one('e'))
  t.advance('1s')
  t.send({ event: 'Product Added', properties: one('e', 4) })
  assert.equal(lines(), ['e 5'])
  update()
  assert.equal(lines(), [])
  t.advance('1s')
  update(one('f'))
  t.send({ event: 'Cart Emptied' })
  assert.equal(lines(), [])

  function lines(): string[] {
    const { items } = shown(t, 'cart') as { items: { id: string; quantity: number }[] }
    return items.map(({ id, quantity }) => `${id} ${quantity}`)
  }
})

test('cart: what is no product goes to dead with the name of the feature, and is passed over where optional', () => {
  const t = driven({ basket: cart(), loose: cart({ optional: true }) })
  t.send({ event: 'Product Added', properties: { product_id: 'a', price: '3' } })
  t.send({ event: 'Product Added', properties: { product_id: 'a', quantity: -1 } })
  t.send({ event: 'Product Added', properties: {} })
  t.send({ event: 'Cart Updated', properties: { products: 'a' } })
  t.send({ event: 'Cart Updated', properties: { products: ['a'] } })
  assert.equal(
    t.dead().map(({ code, reason }) => `${code}: ${reason}`),
    [
      `bad_value: feature "basket": expected a number from -1000000000000000 to 1000000000000000 at price; found string '3'`,
      'bad_value: feature "basket": expected a number from 0 to 1000000 at quantity; found number -1',
      `bad_value: feature "basket": expected a product's id of at most 256 characters, or a number at product_id; found nothing`,
      'bad_value: feature "basket": expected a list of products at products; found string',
      'bad_value: feature "basket": expected a product in each line of products; found string',
    ],
  )
})

test('wishlist, lastViewed, topCategories: show what they keep, by the fields that the job names', () => {
  const fields = { id: 'sku' }
  const t = driven({
    wishes: wishlist({ fields }),
    seen: lastViewed({ fields, keep: 2, with: ['name', 'url'] }),
    top: topCategories({ k: 2, weights: { 'Product Viewed': 1, 'Product Added': 5 } }),
  })
  const view = (sku: string, category: string, more = {}) =>
    t.send({ event: 'Product Viewed', properties: { sku, category, ...more } })
  view('a', 'lamps', { name: 'n'.repeat(200), url: 'https://shop.example/a' })
  t.advance('1h')
  view('b', 'chairs')
  view('c', 'chairs', { url: `https://shop.example/${'x'.repeat(600)}` })
  t.send({ event: 'Product Viewed', properties: { sku: 'a' }, timestamp: at + 2 * hourMs })
  assert.equal(shown(t, 'seen'), [
    { id: 'a', at: at + 2 * hourMs },
    { id: 'c', at: at + hourMs },
  ])
  view('b', 'chairs')
  assert.equal(shown(t, 'top'), ['chairs', 'lamps'])
  t.send({ event: 'Product Added', properties: { sku: 'a', category: 'lamps' } })
  assert.equal(shown(t, 'top'), ['lamps', 'chairs'])
  t.send({ event: 'Product Added to Wishlist', properties: { sku: 'a', price: 3 } })
  t.advance('1h')
  t.send({ event: 'Product Added to Wishlist', properties: { sku: 'b', name: 'B' } })
  t.send({ event: 'Product Removed from Wishlist', properties: { sku: 'a' } })
  assert.equal(shown(t, 'wishes'), [{ id: 'b', at: at + 3 * hourMs, name: 'B' }])
})

test('session: an hour of silence ends a visit, and a late event joins two', () => {
  const t = driven({ visits: session({ gap: '1h' }) })
  t.send({ event: 'Product Viewed' })
  t.advance('90m')
  t.send({ event: 'Product Viewed' })
  const [start, end] = [at, at + 1.5 * hourMs]
  const first = { start, end: start, durationMs: 0, events: 1 }
  assert.equal(shown(t, 'visits'), { count: 2, current: { start: end, events: 1 }, last: first })
  t.send({ event: 'Product Viewed', timestamp: at + 45 * 60_000 })
  assert.equal(shown(t, 'visits'), { count: 1, current: { start, events: 3 }, last: null })
  t.advance('1h')
  const whole = { start, end, durationMs: end - start, events: 3 }
  assert.equal(shown(t, 'visits'), { count: 1, current: null, last: whole })
})

test('session: a visit that is forgotten is counted still', () => {
  const t = driven({ visits: session({ gap: '1h' }) })
  for (let day = 0; day < 30; day++) {
    t.send({ event: 'Product Viewed' })
    if (day % 10 === 9) t.restart()
    t.advance('1d')
  }
  const lastAt = at + 29 * dayMs
  const last = { start: lastAt, end: lastAt, durationMs: 0, events: 1 }
  assert.equal(shown(t, 'visits'), { count: 30, current: null, last })
})

test('what an anonymous visitor did is his once he says who he is: one cart, by time, and all his visits', () => {
  const words = { cart: cart(), seen: lastViewed(), visits: session({ gap: '1h' }) }
  const t = driven(words, { identity: true })
  const nameless = { anonymousId: 'a1' }
  t.send({ ...nameless, event: 'Product Added', properties: { product_id: 'x', price: 1 } })
  t.send({ ...nameless, event: 'Product Viewed', properties: { product_id: 'x' } })
  t.advance('2h')
  t.send({ event: 'Product Viewed', properties: { product_id: 'y' } })
  t.send({ event: 'Product Added', properties: { product_id: 'y', price: 2 } })
  t.restart()
  t.send({ type: 'identify', userId: 'u1', anonymousId: 'a1' })
  t.send({ ...nameless, event: 'Product Removed', properties: { product_id: 'y' }, timestamp: at })
  const { cart: merged, seen, visits } = t.features('u1') ?? {}
  assert.equal(merged, {
    items: [
      { id: 'x', price: 1, quantity: 1 },
      { id: 'y', price: 2, quantity: 1 },
    ],
    ...{ count: 2, value: 3, since: at, abandonedSince: at + 2 * hourMs },
  })
  assert.equal(
    (seen as { id: string }[]).map(({ id }) => id),
    ['y', 'x'],
  )
  assert.is((visits as { count: number }).count, 2)
  assert.is(t.features('a1'), undefined)
})

test('a purpose withdrawn clears them', () => {
  const t = driven({ cart: cart({ purpose: 'Ads' }), rhythm: rhythm({ purpose: 'Ads' }) })
  const consent = (Ads: boolean) => ({ consent: { categoryPreferences: { Ads } } })
  t.send({ event: 'Product Added', properties: { product_id: 'a' }, context: consent(true) })
  t.send({ event: 'Order Completed', properties: {}, context: consent(true) })
  t.send({ event: 'Product Added', properties: { product_id: 'b' }, context: {} })
  assert.is((shown(t, 'rhythm') as { count: number }).count, 1)
  t.send({ event: 'Other', context: consent(false) })
  assert.is((shown(t, 'rhythm') as { count: number }).count, 0)
})

test('cart: leaves the trigger of an abandoned cart to after, which needs no more than its events', () => {
  const abandoned = after('1h', { from: 'Product Added', unless: 'Order Completed' })
  const t = driven({ cart: cart() }, { triggers: { abandoned } })
  t.send({ event: 'Product Added', properties: { product_id: 'a', price: 2 } })
  t.advance('2h')
  assert.equal(
    t.triggers().map(({ features }) => (features.cart as { value: number }).value),
    [2],
  )
})

test.run()
