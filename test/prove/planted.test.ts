import { assert, suite } from '../harness.ts'
import { firstFailing, SEEDS_MAX } from '../simulator/planted.ts'
import { plants, smallBounds } from '../simulator/plants.ts'

/** The test of the tester: each planted bug is found by one of the first seeds. */
const test = suite('planted bugs, all')

for (const { name, edits } of plants) {
  test(
    `${name}: found within ${SEEDS_MAX} seeds`,
    async () => {
      const found = await firstFailing(edits)
      assert.ok(found, 'no seed failed')
      console.log(`\n  ${name}: seed ${found.seed}, ${found.problem}`)
    },
    { timeoutMs: 300_000 },
  )
}

test(
  'with all bounds small, every event takes effect once',
  async () => {
    assert.is(await firstFailing(smallBounds, [1, 1_000]), undefined)
  },
  { timeoutMs: 600_000 },
)

test.run()
