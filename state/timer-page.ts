import type { Slice, TimerEntry } from './store.ts'
import { compareTimers, insertTimer, removeTimer, timersBetween } from './timer-order.ts'

/**
 * A stretch of the timer index in memory: all timers after `after` (`undefined`: from the beginning) up
 * to and including the last of `timers`; to the index's end where `whole`.
 */
export interface TimerPage {
  readonly after: TimerEntry | undefined
  whole: boolean
  timers: TimerEntry[]
}

/** Timers in a page as it is read; twice as many while it grows. About 100 bytes each. */
export const pageSize = 4_096

/** As `Store.timers`: `undefined` where the page cannot tell. */
export function timersOfPage(
  page: TimerPage,
  cursor: TimerEntry | undefined,
  upTo: number,
  limit: number,
): TimerEntry[] | undefined {
  if (page.after !== undefined && (cursor === undefined || compareTimers(cursor, page.after) < 0))
    return undefined
  const found = timersBetween(page.timers, cursor, upTo, limit)
  if (found.length === limit || page.whole) return found
  const last = page.timers.at(-1)
  return last !== undefined && last.time > upTo ? found : undefined
}

export function applyToPage(page: TimerPage, slice: Slice): void {
  // The last timer ends the page's stretch, so a page that is not whole must know its end before it loses one.
  const end = page.whole ? undefined : page.timers.at(-1)
  for (const timer of slice.timersRemoved) removeTimer(page.timers, timer)
  for (const timer of slice.timersAdded)
    if (covers(page, end, timer)) insertTimer(page.timers, timer)
  if (page.timers.length <= 2 * pageSize) return
  page.timers.length = pageSize
  page.whole = false
}

function covers(page: TimerPage, end: TimerEntry | undefined, timer: TimerEntry): boolean {
  if (page.after !== undefined && compareTimers(timer, page.after) <= 0) return false
  if (page.whole) return true
  return end !== undefined && compareTimers(timer, end) <= 0
}
