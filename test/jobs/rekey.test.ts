import {
  count,
  defineJob,
  lastDistinct,
  pairs,
  process,
  rekey,
  topK,
} from '../../jobs/define-job.ts'
import type { Feature } from '../../jobs/feature.ts'
import type { Rekeyed } from '../../jobs/job.ts'
import shopPairs from '../../jobs/pairs.ts'
import shopProducts from '../../jobs/products.ts'
import { encodedAlone } from '../../jobs/state-bytes.ts'
import { testJob } from '../../runtime/test-job.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'
import { bought, driven, jobOf, seen, start, to, viewed } from './sending.ts'

const test = suite('events for other keys')

test('rekey sends an event on, with what it is to carry, and the same only once in a while', () => {
  const sends = {
    ...seen,
    key: ({ properties }: { properties: { kind?: unknown } }) => properties.kind,
  }
  const { t, sent, view } = driven(
    rekey({ ...sends, as: 'Seen', carry: ['product_id'], optional: true }),
  )
  const properties = { kind: 'toys', product_id: 'a' }
  view('a', { properties })
  view('a', { properties })
  view('b', { properties: { ...properties, product_id: 'b' } })
  view('c')
  assert.equal(sent(), ['toys a', 'toys b'])
  t.advance('31m')
  view('a', { properties })
  assert.is(sent().length, 3)
  assert.is(t.features('u1')?.feature, undefined)
})

test('rekey without a time sends every event, and of a list every different line', () => {
  const { t, sent } = driven(
    rekey({ of: 'Order Completed', list: 'products', key: 'sku', as: 'Bought', to }),
  )
  const products = [{ sku: 'a' }, { sku: 'b' }, { sku: 'a' }]
  for (let n = 0; n < 2; n++) t.send({ event: 'Order Completed', properties: { products } })
  assert.equal(sent(), ['a ', 'b ', 'a ', 'b '])
  t.send({ event: 'Order Completed', properties: { products: [{}] } })
  assert.match(t.dead()[0]?.reason ?? '', /expected a value at properties.sku; found nothing/)
})

test('process sends to the topics that it names, from an event and from a timer; and a chained job receives it', () => {
  const spread = process<{ n: number }>({
    ...{ of: 'Product Viewed', rekeys: [to], create: () => ({ n: 0 }), value: ({ n }) => n },
    on(state, { properties, messageId }, { time, setTimer, rekey }) {
      state.n++
      setTimer('later', time + 60_000)
      const target = properties.elsewhere ? 'elsewhere' : to
      const type = properties.links ? 'link' : 'track'
      rekey({ to: target, key: 'k', event: { type, event: 'Now', messageId, timestamp: time } })
    },
    timer(_, name, { time, rekey }) {
      rekey({ to, key: 'k', event: { type: 'track', event: name, messageId: '', timestamp: time } })
    },
  })
  const job = defineJob({
    name: 'any',
    input: 'events',
    features: { spread, views: count({ of: 'Product Viewed' }) },
  })
  assert.equal(job.rekeys, [to])
  const t = testJob(job)
  t.send(viewed)
  t.send({ ...viewed, properties: { elsewhere: true } })
  t.send({ ...viewed, properties: { links: true } })
  t.advance('2m')
  assert.equal(
    t.rekeyed().map(({ event }) => event.event),
    ['Now', 'later'],
  )
  assert.equal(
    t.dead().map(({ code }) => code),
    ['bad_rekey', 'bad_rekey'],
  )
  assert.equal(t.features('u1'), { spread: 1, views: 1 })

  const chained = testJob(
    defineJob({ name: 'other', input: to, features: { counts: count({ of: ['Now', 'later'] }) } }),
  )
  for (const one of t.rekeyed()) chained.receive(one)
  assert.equal(chained.features('k'), { counts: 2 })
})

test('what came from another job is not sent on: it is dead-lettered, and changes nothing', () => {
  const { t } = driven(pairs(seen))
  const event = { type: 'track', event: 'Product Viewed', messageId: '', timestamp: start }
  for (const product_id of ['a', 'b'])
    t.receive({ to: 'events', key: 'u1', event: { ...event, properties: { product_id } } })
  assert.equal(
    t.dead().map(({ code }) => code),
    ['rekeyed_twice'],
  )
  assert.equal(t.features('u1')?.feature, ['a'])
})

test('wrong options say how to write it', () => {
  const wrong: [() => Feature, RegExp][] = [
    [
      () => pairs({ ...seen, to: 'events' }),
      /"feature": it sends to events, its own input; send to the input/,
    ],
    [() => pairs({ ...seen, to: 'a b' }), /it sends to "a b"; write the name of a topic/],
    [
      () => pairs({ ...seen, list: 'products' }),
      /it has both within and list; write within: '30m' for/,
    ],
    [() => pairs({ of: 'x', value: 'y', to }), /it has neither within nor list/],
    [() => pairs({ ...seen, keep: 21 }), /keep is 21; write 1 to 20/],
    [() => pairs({ ...seen, within: 'long' }), /within is "long"; write /],
    [() => pairs({ ...seen, as: '' }), /as is ""; write an event's name/],
    [() => pairs({ ...bought, list: '' }), /list is ""; write a property's name/],
    [() => rekey({ key: 'a', as: '', to }), /as is ""; write the new event's name/],
    [() => rekey({ key: 'a', as: 'b', to, carry: [''] }), /carry is \[""\]; write properties/],
    [() => topK({ value: 'a', k: 1, weights: 1 as never }), /weights is 1; write weights: true/],
    [
      () => process({ create: () => 0, on: () => undefined, rekeys: ['events'] }),
      /it sends to events, its own input/,
    ],
  ]
  for (const [make, message] of wrong) assert.throws(() => jobOf(make()), message)
  const features = { feature: pairs(seen), last: lastDistinct({ value: 'x', keep: 1 }) }
  assert.throws(
    () => defineJob({ name: 'any', input: 'events', identity: true, features }),
    /"feature": a job with identity passes .*; write it into a job of its own, without identity/,
  )
})

test(
  'a bot with 100,000 views stays small, and each of them sends at most 12 events',
  () => {
    const state = shopPairs.create()
    const product = shopProducts.create()
    let sent = 0
    let inOne = 0
    const rekey = ({ key, event }: Rekeyed) => {
      sent++
      inOne++
      if (sent % 40 === 0) shopProducts.absorb(product, eventOf({ ...event, key }), contextOf())
    }
    const context = { ...contextOf(), rekey }
    for (let n = 0; n < 100_000; n++) {
      inOne = 0
      const properties = { product_id: `product-${n}`, category: `category-${n}` }
      const event = {
        messageId: `m${n}`,
        timestamp: start + n * 3_000 - (n % 7) * 10_000,
        properties,
      }
      shopPairs.absorb(state, eventOf(event), context)
      assert.ok(inOne <= 12)
    }
    assert.ok(sent > 1_000_000 / 2)
    const bytes = (job: typeof shopPairs, of: typeof state) => encodedAlone(job, of).length
    assert.ok(bytes(shopPairs, state) < 800, `${bytes(shopPairs, state)} bytes of the bot`)
    // As if all of them were of one product and one category at once.
    assert.ok(
      bytes(shopProducts, product) < 6_000,
      `${bytes(shopProducts, product)} bytes of a product`,
    )
  },
  { timeoutMs: 120_000 },
)

test.run()
test.run()
