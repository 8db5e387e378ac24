import { assert, skip, suite } from '../harness.ts'
import { findWikipedia, retailRows, wikipedia, wikipediaRows } from '../moments/data-sets.ts'
import { proveMoments } from '../moments/prove-moments.ts'
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
    if (path === undefined)
      skip('the Wikipedia data is not here; MILLRACE_WIKIPEDIA_DATA names its folder')
    const rows = await wikipediaRows(path, Number.MAX_SAFE_INTEGER)
    const proof = await proveMoments(rows, { decay, moments: 50, seed: 4 })
    console.log(`  ${JSON.stringify({ decay, ...proof })}`)
    assert.equal([rows.length, proof.users], [wikipedia.views, wikipedia.clients])
  })
}

test.run()
