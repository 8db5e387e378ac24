import retail from '../../jobs/retail.ts'
import { assert, skip, suite } from '../harness.ts'
import { assertJobEqualsOracle } from '../retail/alone-equals.ts'
import { findRetail, realLines } from '../retail/source.ts'

const test = suite('retail features, of the real shop', { timeoutMs: 300_000 })

test('the job alone equals the oracle for every customer', async () => {
  const source = findRetail()
  if (source.kind === 'missing') skip(source.reason)
  const expected = await assertJobEqualsOracle(retail, source.path)
  assert.is(expected.lines, realLines.all)
  assert.is(expected.linesWithoutCustomer, realLines.withoutCustomer)
  assert.is(expected.features.size, realLines.customers)
})

test.run()
