import type { Clock, JobState } from './layout.ts'

export const dayMs = 86_400_000

/** Whole days since a time, at most `max`: where they stop, nothing changes by time alone any more. */
export function daysSince(time: number, now: number, max: number): number {
  return Math.min(Math.max(0, Math.floor((now - time) / dayMs)), max)
}

/** Publishes the row again each time that another day has passed since, until `max`. 0: there is no such time. */
export function daysClock(since: (state: JobState) => number, max: number): Clock {
  return {
    next(state) {
      const time = since(state)
      if (time === 0) return Number.POSITIVE_INFINITY
      const days = daysSince(time, state.now, max)
      return days < max ? time + (days + 1) * dayMs : Number.POSITIVE_INFINITY
    },
    advance: () => undefined,
  }
}
