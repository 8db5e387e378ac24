import type { Logger } from 'pino'
import type { Clock } from './clock.ts'
import type { Generation } from './generation.ts'
import type { LaneEvents, LaneHandle } from './lane-thread.ts'
import type { Log } from './log.ts'
import type { Slot } from './slot.ts'

export interface SourceOptions {
  readonly job: string
  readonly input: string
  readonly lanes: number
  readonly log: Log
  readonly clock: Clock
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly sessionMs: number
  /** A lane that does not beat for so long is ended. */
  readonly hangMsMax: number
  readonly previousMemberId: string | undefined
  readonly openLane: (index: number, events: LaneEvents) => LaneHandle
  /** Partitions whose stores lie here. */
  readonly stored: () => readonly number[]
  /** Number of partitions that all of the job's topics have; rejects when they differ. */
  readonly partitions: () => Promise<number>
  readonly generation: Generation
  readonly onMember: (memberId: string) => void
  /** The process cannot go on, and must end. */
  readonly onFatal: (error: Error) => void
}

export interface SourceFigures {
  readonly slots: readonly Readonly<Slot>[]
  readonly fencings: number
  readonly takeovers: number
  readonly laneRestarts: number
}
