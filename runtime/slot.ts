import type { NextOffset } from './log.ts'
import type { LaneTaskFigures } from './messages.ts'

/** What the main thread knows of one partition that is its own. */
export interface Slot {
  readonly partition: number
  /** Numbers the takeovers, so that messages of an older one are known. */
  readonly incarnation: number
  phase: 'taking' | 'live' | 'waiting' | 'refused'
  /** Why it is not live. */
  reason: string | undefined
  /** Bytes handed to the lane and not done yet. */
  queuedBytes: number
  paused: boolean
  /** Takeovers without progress in between. */
  failures: number
  /** As the reader last saw them. */
  next: NextOffset | undefined
  end: NextOffset | undefined
  toldCaughtUpAt: number
  /** Deaths of its lane with the same record in hand. */
  deaths: { offset: number; count: number } | undefined
  restore: { done: number; total: number } | undefined
  figures: LaneTaskFigures | undefined
}

/** The slot of a takeover that begins; `before`: the partition's last one. */
export function takingSlot(partition: number, incarnation: number, before: Slot | undefined): Slot {
  return {
    partition,
    incarnation,
    phase: 'taking',
    reason: undefined,
    queuedBytes: 0,
    paused: false,
    failures: before?.failures ?? 0,
    next: undefined,
    end: before?.end,
    toldCaughtUpAt: Number.NEGATIVE_INFINITY,
    deaths: before?.deaths,
    restore: undefined,
    figures: undefined,
  }
}

/** For people: why the partition is not live; `undefined` when it is. */
export function whyNotLive({ partition, phase, reason, restore }: Slot): string | undefined {
  if (phase === 'live') return undefined
  if (reason !== undefined) return `partition ${partition} is ${phase}: ${reason}`
  const restored = restore ? `, ${restore.done} of ${restore.total} records restored` : ''
  return `partition ${partition} is ${phase}${restored}`
}
