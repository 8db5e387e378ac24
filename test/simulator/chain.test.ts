import { assert, suite } from '../harness.ts'
import { type ChainShape, runChain } from './run-chain.ts'
import { SeedTally } from './seed-tally.ts'

/**
 * Events that go from key to key, under seeded faults; more seeds in the long tests. One seed alone, as a failing one
 * is printed:
 *
 *     MILLRACE_SEED=17 node --import ./bin/typescript.js test/simulator/chain.test.ts
 */
const test = suite('simulation of rekeyed events', { timeoutMs: 300_000 })
const SEEDS = { chained: 6, identity: 8 }
/** Seeds that showed what no other had: each still looks where it found something. */
const TELLING = { chained: [174, 257, 529], identity: [101, 112, 119, 763] }
const only = process.env.MILLRACE_SEED

test('undisturbed, every event takes effect once, wherever it belongs', async () => {
  const scenario = { kind: 'none', mode: 'exactly-once' } as const
  for (const shape of ['chained', 'identity'] as const)
    for (let seed = 1; seed <= 3; seed++)
      assert.equal((await runChain(shape, seed, { rates: {}, scenario })).problems, [])
})

test('through two chained jobs every event takes effect once, whatever happens to either', () =>
  underFaults('chained'))

test("what was anonymous is its user's once, whatever happens to either", () =>
  underFaults('identity'))

async function underFaults(shape: ChainShape): Promise<void> {
  const seeds =
    only === undefined
      ? [...Array.from({ length: SEEDS[shape] }, (_, index) => index + 1), ...TELLING[shape]]
      : [Number(only)]
  const tally = new SeedTally('chain.test.ts', [])
  for (const seed of seeds) tally.add(await runChain(shape, seed))
  assert.is(tally.failures.join('\n'), '')
}

test.run()
