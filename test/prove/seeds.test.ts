import { assert, suite } from '../harness.ts'
import { runSeed } from '../simulator/run-seed.ts'
import { SeedTally } from '../simulator/seed-tally.ts'

/** Beyond those of `npm test`: MILLRACE_SEEDS of them, 20,000 when not given. */
const SEEDS = Number(process.env.MILLRACE_SEEDS ?? 20_000)
const AT_ONCE = 1_000
const test = suite('simulation, many seeds')
const tally = new SeedTally()

for (let first = 1; first <= SEEDS; first += AT_ONCE) {
  const last = Math.min(first + AT_ONCE - 1, SEEDS)
  test(
    `seeds ${first} to ${last}`,
    async () => {
      const before = tally.failures.length
      for (let seed = first; seed <= last; seed++) tally.add(await runSeed(seed))
      assert.is(tally.failures.slice(before).join('\n'), '')
    },
    { timeoutMs: 600_000 },
  )
}

test('every fault has hit every await point', () => {
  tally.print()
  if (SEEDS >= AT_ONCE) assert.equal(tally.never, [])
})

test.run()
