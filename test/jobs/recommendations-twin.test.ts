import fc from 'fast-check'
import pairs from '../../jobs/pairs.ts'
import products from '../../jobs/products.ts'
import { type JobTest, testJob } from '../../runtime/test-job.ts'
import { assert, suite } from '../harness.ts'
import { type CategoryOf, NaiveProducts, type ShopStep } from './naive-recommendations.ts'

const test = suite('pairs and products: against a naive twin')

const start = Date.UTC(2026, 0, 1)
const minuteMs = 60_000
const lateMs = 86_400_000 + 30_000

/** The last two are in no category. */
const categoryOf: CategoryOf = product =>
  product < 'p6' ? `kind ${Number(product.slice(1)) % 2}` : undefined

const product = fc.integer({ min: 0, max: 7 }).map(number => `p${number}`)
/** No two at one moment, of which either may stand first. */
const anyStep = fc.record({
  isOrder: fc.nat(4).map(one => one === 0),
  user: fc.nat(5).map(one => (one < 4 ? 0 : one - 3)),
  products: fc.array(product, { minLength: 1, maxLength: 5 }),
  laterMinutes: fc.oneof(
    { weight: 8, arbitrary: fc.nat(2) },
    { weight: 1, arbitrary: fc.nat(3_000) },
  ),
  beforeMinutes: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.nat(50) },
    { weight: 1, arbitrary: fc.nat(4_000) },
  ),
  /** Sends what came so many steps ago once more. */
  repeats: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(8) }),
})

const history = fc.array(anyStep, { minLength: 5, maxLength: 45 }).map(drawn => {
  let now = start
  const steps: ShopStep[] = []
  for (const [
    at,
    { isOrder, user, products, laterMinutes, beforeMinutes, repeats },
  ] of drawn.entries()) {
    now += laterMinutes * minuteMs + 1_000
    const again = repeats > 0 ? steps[at - repeats] : undefined
    const event = isOrder ? 'Order Completed' : 'Product Viewed'
    const timestamp = now - beforeMinutes * minuteMs - at
    const step = { event, userId: `u${user}`, messageId: `m${at}`, timestamp, products } as const
    steps.push(again ?? step)
  }
  return steps
})

test('every pair, view and purchase counts at both products and in its category, decayed, and once', () => {
  fc.assert(
    fc.property(history, steps => {
      const { second } = run(steps)
      compare(second, steps)
    }),
    { numRuns: 120 },
  )
})

test('a restart of either job, at any moment, changes nothing', () => {
  fc.assert(
    fc.property(history, fc.array(fc.nat(44), { maxLength: 6 }), (steps, restarts) => {
      const { first, second } = run(steps, new Set(restarts))
      compare(second, steps)
      const undisturbed = run(steps)
      assert.equal(first.rekeyed(), undisturbed.first.rekeyed())
      for (const user of ['u0', 'u1', 'u2'])
        assert.equal(first.features(user), undisturbed.first.features(user))
    }),
    { numRuns: 25 },
  )
})

function run(steps: readonly ShopStep[], restarts: ReadonlySet<number> = new Set()) {
  const [first, second] = [testJob(pairs, { at: start }), testJob(products, { at: start })]
  let brought = 0
  for (const [at, step] of steps.entries()) {
    if (restarts.has(at)) first.restart()
    first.send(eventOf(step))
    for (const one of first.rekeyed().slice(brought)) second.receive(one)
    brought = first.rekeyed().length
    if (restarts.has(at)) second.restart()
  }
  assert.equal([first.dead(), second.dead(), second.late()], [[], [], []])
  return { first, second }
}

function compare(second: JobTest, steps: readonly ShopStep[]): void {
  const naive = new NaiveProducts(taken(steps), categoryOf)
  for (const key of naive.keys.keys()) naive.compare(key, second.features(key))
  for (const key of ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7']) {
    const features = second.features(key)
    assert.is(features !== undefined, naive.keys.has(key), key)
    if (features !== undefined && naive.keys.get(key)?.views.length)
      assert.is(features.category, categoryOf(key) ?? null)
  }
}

/** Without repeats, and without what is later than the lateness. */
function taken(steps: readonly ShopStep[]): ShopStep[] {
  let newest = 0
  const ids = new Set<string>()
  return steps.filter(({ timestamp, messageId }) => {
    const isTaken = timestamp >= newest - lateMs && !ids.has(messageId)
    newest = Math.max(newest, timestamp)
    if (isTaken) ids.add(messageId)
    return isTaken
  })
}

function eventOf({ products, ...step }: ShopStep) {
  const described = products.map(id => ({ product_id: id, category: categoryOf(id) }))
  const isOrder = step.event === 'Order Completed'
  return { ...step, properties: isOrder ? { products: described } : { ...described[0] } }
}

test.run()
