import fc from 'fast-check'
import { KeyFilter } from '../../serve/key-filter.ts'
import { assert, suite } from '../harness.ts'

const test = suite('filter of keys')

test('what was added is never called unknown, however many it is', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 200 }), keys => {
      const filter = new KeyFilter(1)
      for (const key of keys) filter.add(key)
      assert.ok(keys.every(key => filter.mayHave(key)))
    }),
  )
})

test('of those that were not, one in a hundred is taken for known', () => {
  const filter = new KeyFilter(20_000)
  for (let at = 0; at < 20_000; at++) filter.add(`user-${at}`)
  let mistaken = 0
  for (let at = 20_000; at < 40_000; at++) if (filter.mayHave(`user-${at}`)) mistaken++
  assert.ok(mistaken < 300, `${mistaken} of 20,000`)
})

test.run()
