import type { Job } from '../jobs/job.ts'
import type { Store } from '../state/store.ts'
import type { Clock } from './clock.ts'
import type { EventTraces } from './event-traces.ts'
import type { Hand } from './hand.ts'
import type { Log, NextOffset } from './log.ts'
import type { Schemas } from './schemas.ts'
import type { Counts } from './side-outputs.ts'
import type { StateCache } from './state-cache.ts'
import type { Witness } from './witness.ts'

export type Mode = 'exactly-once' | 'at-least-once'

export interface TaskOptions<State = unknown> {
  readonly job: Job<State>
  readonly partition: number
  readonly partitions: number
  readonly era: number
  readonly acceptLoss: boolean
  readonly mode: Mode
  /** The generation of the job that this process began with, over all partitions; `undefined`: nothing was committed. */
  readonly generation: number | undefined
  /** The last owner was this same process, alive: its end was no death. */
  readonly sameOwner: boolean
  /** In hand when the lane died, twice: a record is dead-lettered unprocessed, a timer does not fire. */
  readonly poison: Hand | undefined
  readonly log: Log
  readonly clock: Clock
  readonly openStore: () => Promise<Store>
  /** Where it is told what is in hand, for the process after this one; nobody is without it. */
  readonly openWitness?: (() => Witness) | undefined
  readonly newHistory: () => string
  readonly cache: StateCache
  /** Told what is in hand before it is touched, and -1 when nothing is. */
  readonly inHand: (hand: Hand) => void
  readonly events: TaskEvents
  /** Follows some events from record to row; nothing is followed, and nothing spent, without it. */
  readonly traces?: EventTraces | undefined
  /** Reads values with Confluent framing; without it they go to the dead letters. */
  readonly schemas?: Schemas | undefined
}

/** After the takeover. */
export type LiveOptions<State> = TaskOptions<State> & { readonly witness: Witness | undefined }

export interface TaskEvents {
  /** So many bytes of batches are done. */
  onTaken(bytes: number): void
  onRestore(done: number, total: number): void
  onCommit(commit: { ms: number; rows: number; latenciesMs: readonly number[] }): void
  onCheckpoint(ms: number): void
  /** The task has stopped by itself; close it, and judge by the error what comes next. */
  onFailed(error: Error): void
}

/** What a task shows of itself. */
export interface TaskFigures {
  readonly counts: Counts
  readonly next: NextOffset
  /** Epoch ms of event time. */
  readonly watermark: number | undefined
  /** Append time of the newest record taken, epoch ms; -1 before the first. */
  readonly appendedAt: number
  readonly generation: number
  readonly cachedKeys: number
  /** How often the store was asked for a state, as none was in memory; also for users who have none yet. */
  readonly storeReads: number
  readonly bufferBytes: number
  /** Whether batches wait in the lane. */
  readonly queued: boolean
  /** What is wrong, so that the next record has to wait. */
  readonly trouble: string | undefined
  /** Of a job that rekeys: records brought to their new keys since the takeover, and those that wait. */
  readonly forwards: { readonly forwarded: number; readonly lag: number } | undefined
}
