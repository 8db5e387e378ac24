import { assert, suite } from '../harness.ts'
import { runSeed, type SeedResult } from './run-seed.ts'
import { upheavalKinds } from './scenario.ts'
import { SeedTally } from './seed-tally.ts'

/**
 * The production path under seeded faults. One seed alone, as a failing one is printed:
 *
 *     MILLRACE_SEED=17 node --import ./bin/typescript.js test/simulator/seeds.test.ts
 */
const test = suite('simulation')
const SEEDS = 200
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
    const seeds =
      only === undefined ? Array.from({ length: SEEDS }, (_, n) => n + 1) : [Number(only)]
    const tally = new SeedTally()
    for (const seed of seeds) tally.add(await runSeed(seed))
    tally.print()
    assert.is(tally.failures.join('\n'), '')
    if (only === undefined) assert.equal(tally.never, [])
  },
  { timeoutMs: 300_000 },
)

function facts({ steps, virtualMs, restarts, digest, hits, problems }: SeedResult) {
  return { steps, virtualMs, restarts, digest, hits: [...hits], problems }
}

test.run()
