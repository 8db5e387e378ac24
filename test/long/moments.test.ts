import { assert, skip, suite } from '../harness.ts'
import {
  findWikipedia,
  retailRows,
  wikipedia,
  wikipediaMissing,
  wikipediaRows,
} from '../moments/data-sets.ts'
import { proveMoments, visitsOf } from '../moments/prove-moments.ts'
import { ShopFile } from '../retail/source.ts'

/** A part of the data, at a few moments; `npm run prove` takes all of it, at fifty. */
const test = suite('every feature at random moments equals SQL', { timeoutMs: 300_000 })
const rowsMax = 600
const moments = 2
const shop = new ShopFile({ seed: 5, lines: 4_000, customers: 300 })

test.before(() => shop.open())
test.after(() => shop.close())

for (const decay of ['event', 'time'] as const) {
  test(`of a shop, decay: '${decay}'`, async () => {
    const rows = await retailRows(shop.path, rowsMax)
    const { users, compared } = await proveMoments(rows, { decay, moments, seed: 1 })
    assert.ok(users > 20 && compared > 3_000, `${users} users, ${compared} values`)
  })

  test(`of readers whose events come out of order, decay: '${decay}'`, async () => {
    const path = findWikipedia()
    if (path === undefined) skip(wikipediaMissing)
    const rows = await wikipediaRows(path, rowsMax)
    const { users, compared } = await proveMoments(rows, { decay, moments, seed: 2 })
    assert.ok(users > 200 && compared > 3_000, `${users} users, ${compared} values`)
  })
}

test("the visits of Wikipedia's readers, all of them, are as many as its publisher counts", async () => {
  const path = findWikipedia()
  if (path === undefined) skip(wikipediaMissing)
  const rows = await wikipediaRows(path, Number.MAX_SAFE_INTEGER)
  assert.is(rows.length, wikipedia.views)
  assert.is(visitsOf(rows, 30 * 60 + 1), wikipedia.visits)
})

test.run()
