import { assert, suite } from '../harness.ts'
import { type ChainShape, runChain } from '../simulator/run-chain.ts'
import { runSeed } from '../simulator/run-seed.ts'
import { SeedTally } from '../simulator/seed-tally.ts'

/**
 * Seeds after those of `npm test`, enough of them for every fault to hit every await point. `npm run prove` has many.
 */
const test = suite('simulation, more seeds', { timeoutMs: 300_000 })
const SEEDS = [61, 280] as const
/** With rows that go out before their commit, which few of the others have. */
const EARLY_SEEDS = [100_016, 100_080] as const
const CHAINED: Readonly<Record<ChainShape, readonly [first: number, last: number]>> = {
  chained: [7, 50],
  identity: [9, 75],
}

test("under every seed's faults, every event takes effect once", async () => {
  const early = { scenario: { kind: 'none', mode: 'at-least-once' } } as const
  const tally = new SeedTally()
  for (const seed of between(SEEDS)) tally.add(await runSeed(seed))
  for (const seed of between(EARLY_SEEDS)) tally.add(await runSeed(seed, early))
  tally.print()
  assert.is(tally.failures.join('\n'), '')
  assert.equal(tally.never, [])
})

test('so it does where events go from key to key', async () => {
  const tally = new SeedTally('chain.test.ts', [])
  for (const shape of ['chained', 'identity'] as const)
    for (const seed of between(CHAINED[shape])) tally.add(await runChain(shape, seed))
  assert.is(tally.failures.join('\n'), '')
  const never = tally.never.filter(pair => pair.startsWith('forward.send '))
  assert.equal(never, [])
})

const between = ([first, last]: readonly [number, number]): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

test.run()
