import { assert, suite } from '../harness.ts'
import { allPairs } from './faults.ts'
import { runSeed, type SeedResult } from './run-seed.ts'

/**
 * The production path under seeded faults. One seed alone, as a failing one is printed:
 *
 *     MILLRACE_SEED=17 node --import ./bin/typescript.js test/simulator/seeds.test.ts
 */
const test = suite('simulation')
const SEEDS = Number(process.env.MILLRACE_SEEDS ?? 300)
const only = process.env.MILLRACE_SEED

/** The runtime in mode exactly-once never waits there. */
const NOT_AWAITED = ['transactor.abort', 'producer.send']

test('undisturbed, every event takes effect once', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    assert.equal((await runSeed(seed, { rates: {} })).problems, [])
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
    const hits = new Map(allPairs().map(pair => [pair, 0]))
    const failures: string[] = []
    let restarts = 0
    for (const seed of seeds) {
      const result = await runSeed(seed)
      restarts += result.restarts
      for (const [pair, count] of result.hits) hits.set(pair, (hits.get(pair) ?? 0) + count)
      const { problems } = result
      if (problems.length > 0) failures.push(`seed ${seed}: ${problems.slice(0, 5).join('\n    ')}`)
    }
    report(seeds.length, restarts, hits)
    assert.is(failures.join('\n'), '')
    if (only !== undefined || SEEDS < 300) return
    const never = [...hits].filter(([pair, count]) => count === 0 && !isExcused(pair))
    assert.equal(
      never.map(([pair]) => pair),
      [],
    )
  },
  { timeoutMs: 600_000 },
)

function facts({ steps, virtualMs, restarts, digest, hits, problems }: SeedResult) {
  return { steps, virtualMs, restarts, digest, hits: [...hits], problems }
}

function isExcused(pair: string): boolean {
  return NOT_AWAITED.some(point => pair.startsWith(`${point} `))
}

/** How often each fault hit each await point. */
function report(seeds: number, restarts: number, hits: ReadonlyMap<string, number>): void {
  console.log(`\n  ${seeds} seeds, ${restarts} restarts; faults by await point:`)
  const points = new Map<string, string[]>()
  for (const [pair, count] of hits) {
    const [point = '', fault = ''] = pair.split(' ')
    if (isExcused(pair)) continue
    points.set(point, [...(points.get(point) ?? []), `${fault} ${count}`])
  }
  for (const [point, faults] of points) console.log(`    ${point}: ${faults.join(', ')}`)
}

test.run()
