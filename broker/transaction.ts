export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface ProducerIdentity {
  readonly producerId: number
  readonly epoch: number
}

/**
 *     empty ──add──▶ ongoing ──end──▶ prepare-commit ──markers──▶ complete-commit ──add──▶ ongoing …
 *                       └────────────▶ prepare-abort ──markers──▶ complete-abort ──add──▶ ongoing …
 *
 * Both prepare states are left in the step that entered them. Only a killed process and a full disk stay in one;
 * the markers are written at the next start, or when the disk takes them.
 */
type State =
  | 'empty'
  | 'ongoing'
  | 'prepare-commit'
  | 'prepare-abort'
  | 'complete-commit'
  | 'complete-abort'

export interface Transaction extends ProducerIdentity {
  readonly state: State
  readonly timeoutMs: number
  readonly partitions: readonly TopicPartition[]
  /** Epoch ms of the first partition or group added. */
  readonly startedAt: number
  readonly changedAt: number
}

export function isSame(a: TopicPartition, b: TopicPartition): boolean {
  return a.topic === b.topic && a.partition === b.partition
}

const states: readonly string[] = [
  'empty',
  'ongoing',
  'prepare-commit',
  'prepare-abort',
  'complete-commit',
  'complete-abort',
] satisfies State[]

export function parseTransaction(value: unknown): Transaction {
  if (isTransaction(value)) return value
  throw new Error(`expected a transaction in the broker's journal, found ${JSON.stringify(value)}`)
}

function isTransaction(value: unknown): value is Transaction {
  return (
    typeof value === 'object' &&
    value !== null &&
    'state' in value &&
    states.includes(String(value.state)) &&
    'producerId' in value &&
    'epoch' in value &&
    'partitions' in value &&
    Array.isArray(value.partitions)
  )
}
