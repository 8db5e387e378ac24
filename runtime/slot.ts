import type { Logger } from 'pino'
import type { NextOffset, OutOfRange } from './log.ts'
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

/** Its lane has died with that in hand once more, or for the first time. */
export function countDeath(slot: Slot, offset: number): void {
  const count = slot.deaths?.offset === offset ? slot.deaths.count + 1 : 1
  slot.deaths = { offset, count }
}

export const whyGone = ({ partition, fetched, start, end }: OutOfRange): string =>
  `offset ${fetched} is gone: partition ${partition} now has ${start} to ${end}`

/** Keeps what the task shows of itself, and says when it begins to wait for something, and when it goes on. */
export function takeFigures(
  slot: Slot,
  figures: LaneTaskFigures,
  logger: Pick<Logger, 'info' | 'warn'>,
): void {
  const before = slot.figures?.trouble
  slot.figures = figures
  const { partition, trouble } = figures
  if (trouble !== undefined && trouble !== before)
    logger.warn({ partition }, `partition ${partition} waits: ${trouble}`)
  if (trouble === undefined && before !== undefined)
    logger.info({ partition }, `partition ${partition} goes on`)
}

/** For people: why the partition is not live, or does not go on; `undefined` when it does. */
export function whyNotLive(slot: Slot): string | undefined {
  const { partition, phase, reason, restore, figures } = slot
  if (phase === 'live' && figures?.trouble === undefined) return undefined
  if (phase === 'live') return `partition ${partition} waits: ${figures?.trouble}`
  if (reason !== undefined) return `partition ${partition} is ${phase}: ${reason}`
  const restored = restore ? `, ${restore.done} of ${restore.total} records restored` : ''
  return `partition ${partition} is ${phase}${restored}`
}
