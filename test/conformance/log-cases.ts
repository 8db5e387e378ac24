import type { Suite } from '../harness.ts'
import { LogCase, type LogWorld } from './log-world.ts'
import { membershipCases } from './membership-cases.ts'
import { readerCases } from './reader-cases.ts'
import { topicCases } from './topic-cases.ts'
import { transactorCases } from './transactor-cases.ts'

/** Declares one expectation; the case's topic has `partitions` partitions, 2 when not given. */
export type Declare = (
  name: string,
  body: (each: LogCase) => Promise<void>,
  options?: { readonly partitions?: number; readonly timeoutMs?: number },
) => void

/**
 * What every implementation of `Log` must do, as a suite on the world that `world` answers. Offsets are
 * compared exactly, so control records count the same everywhere.
 */
export function logCases(test: Suite, world: () => LogWorld): void {
  const declare: Declare = (name, body, { partitions = 2, timeoutMs = 60_000 } = {}) =>
    test(name, () => LogCase.run(world(), body, partitions), { timeoutMs })
  topicCases(declare)
  readerCases(declare)
  transactorCases(declare)
  membershipCases(declare)
}
