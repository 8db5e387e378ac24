import fc from 'fast-check'
import { partitionFor } from '../../protocol/murmur2.ts'
import { checkHome } from '../../runtime/home.ts'
import { assert, suite } from '../harness.ts'

const test = suite('home')

test('a key is at home where its bytes hash to, and nowhere else', () => {
  const key = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 200 }),
    fc.nat().map(number => `user-${number}`),
  )
  fc.assert(
    fc.property(key, fc.integer({ min: 1, max: 16 }), (each, partitions) => {
      const home = partitionFor(Buffer.from(each), partitions)
      checkHome(each, home, partitions)
      if (partitions === 1) return
      assert.throws(() => checkHome(each, (home + 1) % partitions, partitions), /murmur2/)
    }),
    { numRuns: 150 },
  )
  for (const each of ['x'.repeat(1_024), '\u20ac'.repeat(1_024)])
    checkHome(each, partitionFor(Buffer.from(each), 7), 7)
})

test.run()
