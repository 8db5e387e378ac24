import { assert, skip, suite } from '../harness.ts'
import { Duck } from '../moments/ask-duckdb.ts'
import {
  findWikipedia,
  retailRows,
  wikipedia,
  wikipediaMissing,
  wikipediaRows,
} from '../moments/data-sets.ts'
import { proveMoments, visitsOf } from '../moments/prove-moments.ts'
import { findRetail } from '../retail/source.ts'

const timeoutMs = 1_200_000
const test = suite('every feature at fifty moments of the real data equals SQL', { timeoutMs })

for (const decay of ['event', 'time'] as const) {
  test(`of the shop, decay: '${decay}'`, async () => {
    const source = findRetail()
    if (source.kind === 'missing') skip(source.reason)
    const rows = await retailRows(source.path, Number.MAX_SAFE_INTEGER)
    const proof = await proveMoments(rows, { decay, moments: 50, seed: 3 })
    console.log(`  ${JSON.stringify({ decay, ...proof })}`)
    assert.is(proof.users, 4_372)
  })

  test(`of Wikipedia's readers, decay: '${decay}'`, async () => {
    const path = findWikipedia()
    if (path === undefined) skip(wikipediaMissing)
    const rows = await wikipediaRows(path, Number.MAX_SAFE_INTEGER)
    const proof = await proveMoments(rows, { decay, moments: 50, seed: 4 })
    console.log(`  ${JSON.stringify({ decay, ...proof })}`)
    assert.equal([rows.length, proof.users], [wikipedia.views, wikipedia.clients])
  })
}

test("the visits of Wikipedia's readers: a pause of 30 minutes to the second ends one", async () => {
  const path = findWikipedia()
  if (path === undefined) skip(wikipediaMissing)
  const rows = await wikipediaRows(path, Number.MAX_SAFE_INTEGER)
  const duck = await Duck.open(rows)
  try {
    const found = visitsOf(rows, 30 * 60)
    assert.is(found, wikipedia.visits + wikipedia.pausesOfHalfAnHour)
    assert.is(found, await duck.visits(30 * 60_000))
  } finally {
    duck.close()
  }
})

test.run()
