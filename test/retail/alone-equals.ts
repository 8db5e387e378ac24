import type { Job } from '../../jobs/job.ts'
import { assert } from '../harness.ts'
import { assertSameFeatures } from './compare.ts'
import { runJobAlone } from './job-alone.ts'
import { type Expected, retailOracle } from './oracle.ts'

/** Rejects unless the job, with nothing around it, says what DuckDB says of every customer. */
export async function assertJobEqualsOracle<State>(
  job: Job<State>,
  path: string,
): Promise<Expected> {
  const [expected, alone] = await Promise.all([retailOracle(path), runJobAlone(job, path)])
  assertSameFeatures(expected.features, alone.features)
  assert.equal([...alone.bad], [['no_user', expected.linesWithoutCustomer]])
  const buyers = Array.from(expected.features).filter(([, { orders }]) => orders > 0)
  assert.equal(alone.triggers.get('firstOrder')?.sort(), buyers.map(([key]) => key).sort())
  return expected
}
