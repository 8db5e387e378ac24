import type { Job } from '../../jobs/job.ts'
import { decodeEntity } from '../../runtime/entity.ts'
import type { Expected } from './expected.ts'
import { isMarker } from './progress-of.ts'
import type { StoredRecord } from './sim-partition.ts'

export interface StateCheck {
  readonly time: 'exact' | 'wall-clock'
  /** Features that no timer touches. */
  readonly timeless: readonly string[]
}

/** What timers change, where a job has it. */
const TIMED = 'timerChain'

/**
 * The newest state of each key in the changelog is what the model's last row comes from: the topics alone
 * rebuild everything, in both modes.
 */
export function checkStates(
  changelog: readonly StoredRecord[],
  expected: Expected,
  job: Job<unknown>,
  { time, timeless }: StateCheck,
): string[] {
  const newest = new Map<string | null, Buffer>()
  for (const record of changelog) {
    if (isMarker(record)) continue
    if (record.value) newest.set(record.key, record.value)
    else newest.delete(record.key)
  }
  const problems: string[] = []
  for (const [key, { version, asOf, features }] of expected.rows) {
    const bytes = newest.get(key)
    if (!bytes) {
      problems.push(`${key} has no state in the changelog`)
      continue
    }
    const { offset, revision, asOf: stateAsOf, state } = decodeEntity(job, key, bytes)
    const kept = job.row(state).features
    const facts = (of: Readonly<Record<string, unknown>>, rest: readonly unknown[]) => {
      const exact = time === 'exact' ? [...rest, of[TIMED]] : rest.slice(0, 1)
      return JSON.stringify([...timeless.map(feature => of[feature]), ...exact])
    }
    const found = facts(kept, [offset, revision, stateAsOf])
    const right = facts(features, [version[0], version[1], asOf])
    if (found !== right) problems.push(`state of ${key} is ${found}, expected ${right}`)
  }
  for (const key of newest.keys()) {
    const wanted = expected.rows.has(String(key)) || expected.hidden.has(String(key))
    if (!wanted) problems.push(`${key} has a state, expected none`)
  }
  return problems
}
