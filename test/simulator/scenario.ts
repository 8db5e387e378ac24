import type { Mode } from '../../runtime/task-options.ts'
import type { Random } from './random.ts'

/** What happens to a job beside faults: what time, people and the broker's housekeeping do to it. */
export type UpheavalKind =
  | 'none'
  | 'retention' //         takes records that a slow task has not taken
  | 'changed-job' //       the processes are started with another definition, one after the other
  | 'made-anew' //         the input is deleted and created again
  | 'deadly-records' //    some records end the lane or the process that takes them
  | 'forgotten-offsets' // the group of the commits forgets

export interface Scenario {
  readonly kind: UpheavalKind
  readonly idle: 'hold' | 'wall-clock'
  readonly mode: Mode
  readonly partitions: number
  readonly lanes: number
  readonly machines: number
  readonly events: number
  readonly users: number
  /** The input's producer writes transactions, and aborts every third. */
  readonly transactionalInput: boolean
}

export const upheavalKinds: readonly UpheavalKind[] = [
  'none',
  'retention',
  'changed-job',
  'made-anew',
  'deadly-records',
  'forgotten-offsets',
]

/** One seed's own. Half of them have no upheaval, so that the faults' own traces stay visible. */
export function drawScenario(random: Random): Scenario {
  const kind = random.chance(0.5) ? 'none' : random.pick(upheavalKinds)
  // Rows that go out early have no exact twin when their records are lost or taken again under other rules.
  const mayBeEarly = kind === 'none' || kind === 'forgotten-offsets'
  return {
    kind,
    idle: random.chance(0.35) ? 'wall-clock' : 'hold',
    mode: mayBeEarly && random.chance(0.3) ? 'at-least-once' : 'exactly-once',
    partitions: random.pick([1, 1, 2, 3]),
    lanes: random.pick([1, 2]),
    machines: random.pick([1, 1, 2, 3]),
    events: random.between(20, 150),
    users: random.pick([1, 4, 12]),
    // Where records have no offsets of their own, an input made anew is not always told by its append times.
    transactionalInput: kind !== 'made-anew' && random.chance(0.3),
  }
}
