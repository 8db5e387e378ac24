import {
  bestHour,
  cart,
  defineJob,
  engagement,
  frequencyCap,
  lastViewed,
  lifetimeValue,
  rfm,
  rhythm,
  session,
  signUp,
  topCategories,
  wishlist,
} from '../../jobs/define-job.ts'
import type { Feature } from '../../jobs/feature.ts'
import { encodedAlone } from '../../jobs/state-bytes.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'

const test = suite('features ready-made for email: bounds and wrong options')

const base = { name: 'any', input: 'events' } as const
const at = Date.UTC(2026, 0, 1)

/** The most bytes that a feature's docstring allows for what stands here. */
const bounded: Readonly<Record<string, readonly [feature: Feature, bytesMax: number]>> = {
  bestHour: [bestHour(), 120],
  cart: [cart(), 10_000],
  engagement: [engagement(), 100],
  frequencyCap: [frequencyCap({ max: 5, over: '7d' }), 150],
  lastViewed: [lastViewed({ with: ['name', 'price', 'url'] }), 8_000],
  lifetimeValue: [lifetimeValue(), 60],
  rfm: [rfm(), 70],
  rhythm: [rhythm(), 130],
  session: [session({ gap: '1s' }), 4_700],
  signUp: [signUp(), 100],
  topCategories: [topCategories(), 600],
  wishlist: [wishlist(), 8_000],
}

test(
  'a bot with 100,000 events, each of another product and some out of order, stays within the bounds that are told',
  () => {
    const features = Object.fromEntries(Object.entries(bounded).map(([name, [one]]) => [name, one]))
    const jobs = Object.entries(features).map(([name, feature]) => {
      const job = defineJob({ ...base, features: { [name]: feature } })
      return { name, job, state: job.create() }
    })
    const names = [
      ...['Product Viewed', 'Product Added', 'Product Removed', 'Product Added to Wishlist'],
      ...['Product Removed from Wishlist', 'Email Delivered', 'Email Opened', 'Email Link Clicked'],
      ...['Signed Up', 'Product Added', 'Product Viewed', 'Product Added to Wishlist'],
    ]
    const context = contextOf()
    for (let n = 0; n < 100_000; n++) {
      const isOrder = n % 5_000 === 4_000
      const event = eventOf({
        event: isOrder ? 'Order Completed' : (names[n % names.length] ?? ''),
        timestamp: at + n * 3_000 - (n % 7) * 10_000,
        properties: {
          ...{ product_id: `product-${n}`, category: `category-${n}`, name: 'x'.repeat(300) },
          ...{ url: `https://shop.example/${'y'.repeat(400)}`, price: 0.01 * n, quantity: 1 },
          revenue: 0.07 * n,
        },
        context: { classification: { verdict: 'human' } },
      })
      for (const { job, state } of jobs) job.absorb(state, event, context)
    }
    for (const { name, job, state } of jobs) {
      const { length } = encodedAlone(job, state)
      assert.ok(length <= (bounded[name]?.[1] ?? 0), `${name} takes ${length} bytes`)
    }
  },
  { timeoutMs: 120_000 },
)

test('one product changed 100,000 times stays one line of a few changes', () => {
  const job = defineJob({ ...base, features: { cart: cart() } })
  const state = job.create()
  for (let n = 0; n < 100_000; n++) {
    const event = n % 2 === 0 ? 'Product Added' : 'Product Removed'
    const properties = { product_id: 'a', quantity: n % 2 === 0 ? 2 : 1 }
    job.absorb(state, eventOf({ event, timestamp: at + n, properties }), contextOf())
  }
  assert.is((job.row(state).features.cart as { count: number }).count, 50_000)
  assert.ok(encodedAlone(job, state).length < 250)
})

type Wrong = readonly [make: () => Feature, message: RegExp]
/** As from a job in plain JavaScript. */
const loose = (options: object) => options as never

const wrong: readonly Wrong[] = [
  [() => cart({ keep: 0 }), /keep is 0; write 1 to 100 lines/],
  [() => cart(loose({ kept: 1 })), /unknown option "kept"; its options are added/],
  [() => cart({ removed: 'Product Added' }), /'Product Added' does two things; name each/],
  [() => cart({ fields: loose({ sku: 'id' }) }), /fields has sku: "id"; name properties for id/],
  [() => cart({ optional: loose(['yes']) }), /optional is \["yes"\]; write optional: true/],
  [() => wishlist({ keep: 1_000 }), /keep is 1000; write 1 to 200/],
  [() => wishlist({ added: 'A', removed: 'A' }), /both adds and removes; name each/],
  [() => lastViewed({ with: loose(['image']) }), /with is \["image"\]; write with/],
  [() => lastViewed({ keep: 1.5 }), /keep is 1.5; write 1 to 100/],
  [() => topCategories({ weights: {} }), /weights is {}; write weights/],
  [() => topCategories({ weights: { A: -1 } }), /weights is {"A":-1}; write weights/],
  [() => topCategories({ k: 0 }), /k is 0; write how many/],
  [() => lifetimeValue({ refund: 'Order Completed' }), /an order is a refund too; write of/],
  [() => lifetimeValue({ value: '' }), /value is ""; write a path/],
  [() => session({ gap: '0s' }), /gap is "0s"; write a whole number and a unit/],
  [() => engagement({ verdict: 'verdict' }), /verdict is "verdict"; write a path in the event/],
  [() => engagement({ weights: { open: Number.NaN } }), /weights is .*; write weights/],
  [() => engagement({ opened: 'A', clicked: 'A' }), /both an open and a click; name it in one/],
  [() => engagement({ halfLife: '1 day' }), /halfLife is "1 day"; write/],
  [() => bestHour({ strength: 0 }), /strength is 0; write a number above 0/],
  [() => bestHour({ prior: [1, 2] }), /prior is \[1,2\]; write 24 numbers/],
  [() => bestHour({ prior: new Array(24).fill(0) }), /prior is \[0,.*; write 24 numbers/],
  [() => bestHour({ prior: 'hours' }), /prior is "hours", and the job has no such table; write/],
  [() => bestHour({ zone: 'Mars' }), /the zone is "Mars"; write a path/],
  [() => frequencyCap({ max: 0, over: '7d' }), /max is 0; write 1 to 100/],
  [() => frequencyCap({ max: 3, over: '7' }), /over is "7"; write a whole number and a unit/],
  [() => signUp({ unsubscribed: 'Signed Up' }), /'Signed Up' says two things; name it in one/],
  [() => rhythm({ keep: 1 }), /keep is 1; write 2 to 50/],
  [() => rhythm({ daysMax: 0 }), /daysMax is 0; write days/],
  [() => rfm({ orders: loose([1, 2, 2, 3]) }), /orders is \[1,2,2,3\]; write four rising numbers/],
  [() => rfm({ recencyDays: [0, 1, 2, 3] }), /recencyDays is .*; write four rising .* above 0/],
  [() => rfm({ edges: 'fifths' }), /edges is "fifths", and the job has no such table/],
  [() => rfm({ edges: 'fifths', spend: [1, 2, 3, 4] }), /both edges and spend; write edges/],
]

test('wrong options fail at definition, with the feature, what is wrong, and how to write it', () => {
  for (const [make, message] of wrong) {
    const define = () => defineJob({ ...base, features: { mine: make() } })
    const whole = new RegExp(`^job "any", feature "mine": .*${message.source}`)
    assert.throws(define, whole, String(make))
  }
})

test.run()
