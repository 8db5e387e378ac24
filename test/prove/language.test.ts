import { assert, suite } from '../harness.ts'
import { runLanguage } from '../simulator/run-language.ts'

const test = suite('simulation of the feature language, many seeds', { timeoutMs: 1_200_000 })
const seeds = { first: 1_000, count: 500 }

test('whatever the job and the faults, the outputs are those of a run-through', async () => {
  const failures: string[] = []
  for (let seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
    const { problems } = await runLanguage(seed)
    if (problems.length > 0) failures.push(`seed ${seed}: ${problems.join('\n  ')}`)
  }
  assert.is(failures.join('\n'), '')
})

test.run()
