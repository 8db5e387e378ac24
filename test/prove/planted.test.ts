import { machine, table, writeResults } from '../../bench/results.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, suite } from '../harness.ts'
import { chainPlants } from '../simulator/chain-plants.ts'
import { firstFailing, SEEDS_MAX } from '../simulator/planted.ts'
import { plants, smallBounds } from '../simulator/plants.ts'

/** The test of the tester: each planted bug is found by one of the first seeds. */
const test = suite('planted bugs, all')
const rows: (string | number)[][] = []

const all = [...plants, ...chainPlants]

for (const { name, edits, shape } of all) {
  test(
    `${name}: found within ${SEEDS_MAX} seeds`,
    async () => {
      const found = await firstFailing(edits, [1, SEEDS_MAX], shape)
      assert.ok(found, 'no seed failed')
      console.log(`\n  ${name}: seed ${found.seed}, ${found.problem}`)
      rows.push([name, found.seed])
    },
    { timeoutMs: 600_000 },
  )
}

test.after(() => {
  // One that was not found is no proof of the others.
  if (rows.length < all.length) return
  const when = machine(new Date(systemClock.now()))
  const what = `Each bug, planted into the sources, and the first of ${SEEDS_MAX} seeds that finds it.`
  writeResults(
    'Planted bugs',
    `${when}, by \`npm run prove\`\n\n${what}\n\n${table(['bug', 'seed'], rows)}`,
  )
})

/** In pieces that have ten minutes each: enough also where the machine has much else to do. */
const SMALL_BOUNDS_SEEDS = 1_000
const AT_ONCE = 100

for (let first = 1; first <= SMALL_BOUNDS_SEEDS; first += AT_ONCE) {
  const last = first + AT_ONCE - 1
  test(
    `with all bounds small, every event takes effect once: seeds ${first} to ${last}`,
    async () => {
      assert.is(await firstFailing(smallBounds, [first, last]), undefined)
    },
    { timeoutMs: 600_000 },
  )
}

test.run()
