import fc from 'fast-check'
import {
  missingRows,
  type ProductRow,
  type Recommendation,
  recommend,
} from '../../jobs/recommend.ts'
import { assert, suite } from '../harness.ts'
import { naiveRecommend } from './naive-recommend.ts'

const test = suite('recommend')

const dayMs = 86_400_000
const now = Date.UTC(2026, 0, 1)

const weighed = (weights: Record<string, number>) =>
  Object.entries(weights).map(([value, weight]) => ({ value, weight }))
const rowsOf = (rows: Record<string, Record<string, unknown>>) =>
  new Map<string, ProductRow | null>(
    Object.entries(rows).map(([key, { asOf, ...features }]) => [
      key,
      { features, ...(typeof asOf === 'number' && { asOf }) },
    ]),
  )
const names = (found: readonly Recommendation[]) => found.map(({ product }) => product)

test('the best of what goes with what was viewed and bought, without what was bought', () => {
  const rows = rowsOf({
    kettle: { coViewed: weighed({ pot: 8, mug: 4, tea: 2 }), coPurchased: weighed({ tea: 3 }) },
    lamp: { coViewed: weighed({ torch: 50 }), coPurchased: weighed({ bulb: 2, mug: 1 }) },
  })
  const user = { lastViewed: [{ id: 'kettle', at: 1 }], lastBought: ['lamp', 'pot'] }
  assert.equal(recommend(user, rows), [
    { product: 'tea', score: 2 + 3 * 3, because: 'viewed', of: 'kettle' },
    { product: 'mug', score: 4 + 3, because: 'viewed', of: 'kettle' },
    { product: 'bulb', score: 3 * 2, because: 'bought', of: 'lamp' },
  ])
  assert.equal(names(recommend({ ...user, lastBought: ['lamp', 'pot', 'kettle'] }, rows)), [
    'bulb',
    'tea',
    'mug',
  ])
  assert.equal(names(recommend(user, rows, { count: 1 })), ['tea'])
})

test('what everybody views is damped, as much as is wished', () => {
  const rows = rowsOf({
    kettle: { coViewed: weighed({ everywhere: 30, rare: 4 }) },
    everywhere: { views: 70, purchases: 10 },
    rare: { views: 0.01 },
  })
  const user = { lastViewed: ['kettle'] }
  const [first, second] = recommend(user, rows)
  assert.equal([first?.product, first?.score, second?.score], ['rare', 4, 3])
  assert.equal(names(recommend(user, rows, { damping: 0 })), ['everywhere', 'rare'])
})

test('what was viewed last counts most, and is itself recommended only where that is wished', () => {
  const rows = rowsOf({
    a: { coViewed: weighed({ b: 9, x: 4 }) },
    b: { coViewed: weighed({ a: 9, y: 4 }) },
  })
  const user = { lastViewed: ['a', 'b'] }
  assert.equal(names(recommend(user, rows)), ['x', 'y'])
  assert.equal(names(recommend(user, rows, { viewed: true })), ['b', 'a', 'x', 'y'])
  assert.equal(names(recommend(user, rows, { seeds: 1 })), ['x'])
})

test('it is filled up with what is popular in their categories, then in those that are named', () => {
  const rows = rowsOf({
    a: { coViewed: weighed({ x: 1 }), category: 'toys' },
    bear: { category: 'bears' },
    'category:toys': { popular: weighed({ x: 99, a: 50, kite: 20, bear: 10 }) },
    'category:bears': { popular: weighed({ panda: 1_000 }) },
    'category:sale': { popular: weighed({ kite: 3, sock: 2 }) },
  })
  const user = { lastViewed: ['a'], lastBought: ['bear'] }
  const found = recommend(user, rows, { categories: ['sale', 'none'], count: 5 })
  assert.equal(names(found), ['x', 'kite', 'panda', 'sock'])
  assert.equal(found[1], { product: 'kite', score: 20, because: 'popular', of: 'toys' })
  assert.equal(names(recommend(undefined, rows, { categories: ['sale'], count: 1 })), ['kite'])
  assert.equal(recommend(undefined, rows), [])
})

test('a row that stands still weighs less with time', () => {
  const rows = rowsOf({
    old: { coViewed: weighed({ x: 8 }), asOf: now - 90 * dayMs },
    new: { coViewed: weighed({ y: 2 }), asOf: now },
    x: { views: 9, asOf: now },
  })
  const user = { lastViewed: ['old', 'new'] }
  assert.equal(names(recommend(user, rows)), ['x', 'y'])
  const aged = recommend(user, rows, { now })
  assert.equal(names(aged), ['y', 'x'])
  assert.ok(Math.abs((aged[1]?.score ?? 0) - 1 / 3) < 1e-9)
})

test('equal scores stand in order of their ids, in whatever order the rows came', () => {
  const user = { lastViewed: ['a'] }
  for (const order of [
    { y: 1, x: 1, z: 1 },
    { z: 1, y: 1, x: 1 },
  ])
    assert.equal(names(recommend(user, rowsOf({ a: { coViewed: weighed(order) } }))), [
      'x',
      'y',
      'z',
    ])
})

const product = fc.nat(9).map(number => `p${number}`)
const weights = fc.uniqueArray(fc.record({ value: product, weight: fc.nat(6) }), {
  selector: ({ value }) => value,
  maxLength: 8,
})
const someRow = fc.record({
  asOf: fc.constantFrom(undefined, now, now - 20 * dayMs),
  coViewed: weights,
  coPurchased: weights,
  popular: weights,
  views: fc.nat(9),
  purchases: fc.nat(9),
  category: fc.constantFrom(undefined, '', 'one', 'two'),
})
const key = fc.oneof(product, fc.constantFrom('category:one', 'category:two'))
const ids = fc.array(product, { maxLength: 6 })

test('it recommends what its naive twin does', () => {
  fc.assert(
    fc.property(
      fc.dictionary(key, someRow, { maxKeys: 12 }),
      fc.record({ lastViewed: ids, lastBought: ids }),
      fc.record({
        count: fc.integer({ min: 1, max: 12 }),
        damping: fc.constantFrom(0, 0.5, 2),
        seeds: fc.integer({ min: 1, max: 6 }),
        viewed: fc.boolean(),
        now: fc.constantFrom(undefined, now, now + dayMs),
      }),
      (stored, user, { now, ...more }) => {
        const options = { ...more, categories: ['two', 'one'], ...(now !== undefined && { now }) }
        const rows = rowsOf(stored)
        assert.equal(recommend(user, rows, options), naiveRecommend(user, rows, options))
        assert.equal(recommend(user, rows, options), naiveRecommend(user, rows, options))
      },
    ),
    { numRuns: 300 },
  )
})

test('it says which rows it needs, in two rounds', () => {
  const stored = rowsOf({
    a: { coViewed: weighed({ x: 1, y: 1 }), category: 'toys' },
    b: { coViewed: weighed({ nobody: 1 }), coPurchased: weighed({ z: 1 }) },
    x: { views: 3, coViewed: weighed({ further: 1 }) },
  })
  const user = { lastViewed: ['a'], lastBought: ['b'] }
  const rows = new Map<string, ProductRow | null>()
  const rounds: string[][] = []
  for (;;) {
    const missing = missingRows(user, rows, { categories: ['sale'] })
    if (missing.length === 0) break
    rounds.push(missing)
    for (const key of missing) rows.set(key, stored.get(key) ?? null)
  }
  assert.equal(rounds, [
    ['a', 'b', 'category:sale'],
    ['x', 'y', 'z', 'category:toys'],
  ])
})

test('what is no row says nothing, and wrong options say so', () => {
  const odd = rowsOf({
    a: {
      coViewed: [null, 7, { value: 'x' }, { value: 'y', weight: Number.NaN }],
      coPurchased: 'no',
    },
  })
  assert.equal(recommend({ lastViewed: ['a', 7, null, { id: '' }], lastBought: 'x' }, odd), [])
  assert.throws(() => recommend({}, odd, { count: 0 }), /expected a count from 1 to 100, found 0/)
  assert.throws(
    () => recommend({}, odd, { damping: -1 }),
    /expected a damping from 0 to 2, found -1/,
  )
  assert.throws(
    () => missingRows({}, odd, { seeds: 0.5 }),
    /expected seeds from 1 to 50, found 0.5/,
  )
})

test.run()
