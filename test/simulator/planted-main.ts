import module from 'node:module'
import type { Edit } from './plants.ts'

/**
 * Runs seeds on sources with edits: `planted-main.ts '<edits as JSON>' FIRST LAST [SHAPE]`. Prints the first seed
 * that fails and its first problem as JSON, or `null`. SHAPE: that of a chain; else one job alone.
 */
const [edits = '[]', first = '1', last = '200', shape] = process.argv.slice(2)
module.register('./plant-hook.js', import.meta.url, { data: JSON.parse(edits) as Edit[] })
const { runSeed } = await import('./run-seed.ts')
const { runChain } = await import('./run-chain.ts')
const run = (seed: number) =>
  shape === 'chained' || shape === 'identity' ? runChain(shape, seed) : runSeed(seed)

let found: { seed: number; problem: string } | null = null
for (let seed = Number(first); seed <= Number(last) && !found; seed++) {
  const { problems, scenario } = await run(seed)
  const [problem] = problems
  // Where commits end between two timers, a job may change there, and the naive model changes between events.
  const inBetween = edits.includes('timersPerCommit') && scenario.kind === 'changed-job'
  if (problem !== undefined && !inBetween) found = { seed, problem }
}
console.log(JSON.stringify(found))
