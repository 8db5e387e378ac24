import type { Span } from './event-traces.ts'
import type { FeatureChanges } from './feature-begins.ts'
import type { Batch, NextOffset } from './log.ts'
import type { TaskFigures } from './task-options.ts'

/**
 * Between the main thread and a lane. `incarnation` numbers the takeovers of a partition: a message of an
 * older one means nothing any more.
 */
export type ToLane =
  | {
      readonly kind: 'take'
      readonly partition: number
      readonly incarnation: number
      readonly order: TakeOrder
    }
  | { readonly kind: 'batch'; readonly incarnation: number; readonly batch: Batch }
  | { readonly kind: 'caught-up'; readonly partition: number; readonly incarnation: number }
  | { readonly kind: 'give-up'; readonly partition: number; readonly clean: boolean }
  | { readonly kind: 'stop' }

export interface TakeOrder {
  readonly partitions: number
  readonly generation: number | undefined
  readonly sameOwner: boolean
  readonly poison: number | undefined
}

export type FromLane =
  | {
      readonly kind: 'live'
      readonly partition: number
      readonly incarnation: number
      readonly next: NextOffset
      readonly generation: number
      readonly changes: FeatureChanges
    }
  | {
      readonly kind: 'taken'
      readonly partition: number
      readonly incarnation: number
      readonly bytes: number
    }
  | {
      readonly kind: 'failed'
      readonly partition: number
      readonly incarnation: number
      readonly code: FailureCode
      readonly message: string
    }
  | {
      readonly kind: 'restore'
      readonly partition: number
      readonly done: number
      readonly total: number
    }
  | {
      readonly kind: 'figures'
      readonly tasks: readonly LaneTaskFigures[]
      readonly samples: LaneSamples
    }
  | { readonly kind: 'stopped' }

/** What `LogError` and `TaskRefused` say; `other` is everything that nobody foresaw. */
export type FailureCode =
  | 'fenced'
  | 'ambiguous'
  | 'unreachable'
  | 'unknown-topic'
  | 'refused'
  | 'outdated'
  | 'other'

export interface LaneTaskFigures extends TaskFigures {
  readonly partition: number
  readonly storeBytes: number
}

/** What has been measured since the last message, ms; at most some hundred values of each. */
export interface LaneSamples {
  commitMs: number[]
  checkpointMs: number[]
  latencyMs: number[]
  rows: number
}

/** A lane's word beside its work: where some events have spent their time. */
export interface SpansMessage {
  readonly kind: 'spans'
  readonly spans: readonly Span[]
}
