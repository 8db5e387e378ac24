import { decodeState } from '../../state/codec.ts'
import type { Expected } from './naive-model.ts'
import { isMarker } from './progress-of.ts'
import type { StoredRecord } from './sim-partition.ts'

export interface StateCheck {
  readonly time: 'exact' | 'wall-clock'
}

/**
 * The newest state of each key in the changelog is what the model's last row comes from: the topics alone
 * rebuild everything, in both modes. The fields are those of `encodeEntity`.
 */
export function checkStates(
  changelog: readonly StoredRecord[],
  expected: Expected,
  { time }: StateCheck,
): string[] {
  const newest = new Map<string | null, Buffer>()
  for (const record of changelog) {
    if (!isMarker(record) && record.value) newest.set(record.key, record.value)
  }
  const problems: string[] = []
  for (const [key, { version, asOf, features }] of expected.rows) {
    const bytes = newest.get(key)
    if (!bytes) {
      problems.push(`${key} has no state in the changelog`)
      continue
    }
    const [offset, revision, stateAsOf, , , , state] = decodeState(bytes) as unknown[]
    const [count, sum, chain, timerChain] = state as unknown[]
    const timeless = [offset, count, sum, chain]
    const wanted = [version[0], features.count, features.sum, features.chain]
    const timed = time === 'exact'
    const found = timed ? [...timeless, revision, stateAsOf, timerChain] : timeless
    const right = timed ? [...wanted, version[1], asOf, features.timerChain] : wanted
    if (`${found}` !== `${right}`) problems.push(`state of ${key} is ${found}, expected ${right}`)
  }
  for (const key of newest.keys()) {
    if (!expected.rows.has(String(key))) problems.push(`${key} has a state, expected none`)
  }
  return problems
}
