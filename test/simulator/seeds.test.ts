import { assert, suite } from '../harness.ts'
import { runSeed, type SeedResult } from './run-seed.ts'
import { upheavalKinds } from './scenario.ts'
import { SeedTally } from './seed-tally.ts'

/**
 * The production path under seeded faults; more seeds in the long tests, and many in `npm run prove`. One seed alone,
 * as a failing one is printed:
 *
 *     MILLRACE_SEED=17 node --import ./bin/typescript.js test/simulator/seeds.test.ts
 */
const test = suite('simulation', { timeoutMs: 300_000 })
const SEEDS = 60
/** With rows that go out before their commit, which few of the others have. */
const EARLY_SEEDS = 16
const EARLY_FROM = 100_000
const only = process.env.MILLRACE_SEED

test('undisturbed, every event takes effect once', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const scenario = { kind: 'none' } as const
    assert.equal((await runSeed(seed, { rates: {}, scenario })).problems, [])
  }
})

test('undisturbed but for its upheaval, every event takes effect once', async () => {
  for (const kind of upheavalKinds) {
    const scenario = { kind, mode: 'exactly-once', transactionalInput: false } as const
    assert.equal((await runSeed(7, { rates: {}, scenario })).problems, [])
  }
})

test('a seed replays exactly', async () => {
  for (const seed of [3, 11]) {
    const [first, second] = [await runSeed(seed), await runSeed(seed)]
    assert.equal(facts(second), facts(first))
    assert.ok(first.hits.size > 0)
  }
})

test(
  "under every seed's faults, every event takes effect once",
  async () => {
    const some = (from: number, count: number) => Array.from({ length: count }, (_, n) => from + n)
    const all = [...some(1, SEEDS), ...some(EARLY_FROM, EARLY_SEEDS)]
    const early = { scenario: { kind: 'none', mode: 'at-least-once' } } as const
    const tally = new SeedTally()
    for (const seed of only === undefined ? all : [Number(only)])
      tally.add(await runSeed(seed, seed >= EARLY_FROM ? early : undefined))
    tally.print()
    assert.is(tally.failures.join('\n'), '')
  },
  { timeoutMs: 300_000 },
)

function facts({ steps, virtualMs, restarts, digest, hits, problems }: SeedResult) {
  return { steps, virtualMs, restarts, digest, hits: [...hits], problems }
}

test.run()
