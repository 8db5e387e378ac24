import { machine, table, writeResults } from '../../bench/results.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, suite } from '../harness.ts'
import { runChain } from '../simulator/run-chain.ts'
import { runSeed } from '../simulator/run-seed.ts'
import { SeedTally } from '../simulator/seed-tally.ts'

/** Beyond those of `npm test`: 20,000, or those that MILLRACE_SEEDS says (`1-500`). Only all are results. */
const PROOF_SEEDS = 20_000
const [FIRST = 1, LAST = PROOF_SEEDS] = process.env.MILLRACE_SEEDS?.split('-').map(Number) ?? []
const SEEDS = LAST - FIRST + 1
/** In one test, which has ten minutes: enough also where the machine has much else to do. */
const AT_ONCE = 100
/** So many are enough for every fault to hit every await. */
const COMPLETE = 1_000
const test = suite('simulation, many seeds')
const tally = new SeedTally()
const startedAt = systemClock.elapsed()

for (let first = FIRST; first <= LAST; first += AT_ONCE) {
  const last = Math.min(first + AT_ONCE - 1, LAST)
  test(
    `seeds ${first} to ${last}`,
    async () => {
      const before = tally.failures.length
      for (let seed = first; seed <= last; seed++) tally.add(await runSeed(seed))
      const failures = tally.failures.slice(before)
      console.log(
        `\n  seeds ${first} to ${last}: ${failures.length} failed\n${failures.join('\n')}`,
      )
      assert.is(failures.length, 0)
    },
    { timeoutMs: 600_000 },
  )
}

/** Of each shape, for so many seeds of one job alone. */
const CHAIN_SHARE = 20

for (const shape of ['chained', 'identity'] as const) {
  for (let first = 1; first <= SEEDS / CHAIN_SHARE; first += AT_ONCE / 2) {
    const last = Math.min(first + AT_ONCE / 2 - 1, SEEDS / CHAIN_SHARE)
    test(
      `${shape}: seeds ${first} to ${last}`,
      async () => {
        const chained = new SeedTally('chain.test.ts')
        for (let seed = first; seed <= last; seed++) chained.add(await runChain(shape, seed))
        assert.is(chained.failures.join('\n'), '')
      },
      { timeoutMs: 600_000 },
    )
  }
}

test('every fault has hit every await point', () => {
  tally.print()
  if (SEEDS >= PROOF_SEEDS) report()
  if (SEEDS >= COMPLETE) assert.equal(tally.never, [])
})

function report(): void {
  const { user, system } = process.cpuUsage()
  const cpuSeconds = Math.round((user + system) / 1e6)
  const seconds = Math.round((systemClock.elapsed() - startedAt) / 1000)
  const { failures, never, restarts } = tally
  const rows = tally.byPoint().map(({ point, faults }) => {
    const [least = ['', 0]] = faults.toSorted(([, one], [, other]) => one - other)
    return [point, faults.reduce((sum, [, hits]) => sum + hits, 0), least.join(' ')]
  })
  writeResults(
    'Simulation',
    [
      `${machine(new Date(systemClock.now()))}, by \`npm run prove\``,
      `${SEEDS} seeds, ${failures.length} failed, ${restarts} restarts of a process; ${seconds} s, ${cpuSeconds} s of CPU`,
      `faults by await point; ${never.length} of all pairs never happened`,
      table(['await point', 'faults', 'the rarest kind'], rows),
    ].join('\n\n'),
  )
}

test.run()
