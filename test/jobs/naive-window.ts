import type { Event } from '../../jobs/event.ts'
import type { Window } from '../../jobs/window.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** One window of the tests, in the language and as a plain filter of all events that were processed. */
export interface NaiveWindow {
  readonly window: Window | undefined
  /** Of those that the feature sees, those in the window when it ends at `now`; tile by tile, as processed. */
  choose(events: readonly Event[], now: number, sees: (event: Event) => boolean): Event[]
}

const hours = (count: number) => `${count}h`

export const allTime: NaiveWindow = {
  window: undefined,
  choose: (events, _now, sees) => events.filter(sees),
}

export function rollingWindow(over: number, every: number): NaiveWindow {
  return {
    window: { kind: 'rolling', over: hours(over), every: hours(every) },
    choose(events, now, sees) {
      const end = (Math.floor(now / (every * hourMs)) + 1) * every * hourMs
      return byTile(events.filter(sees), every, end - over * hourMs, end)
    },
  }
}

export function tumblingWindow(every: number): NaiveWindow {
  return {
    window: { kind: 'tumbling', every: hours(every) },
    choose: (events, now, sees) => rollingWindow(every, every).choose(events, now, sees),
  }
}

export function hoppingWindow(over: number, every: number): NaiveWindow {
  return {
    window: { kind: 'hopping', over: hours(over), every: hours(every) },
    choose(events, now, sees) {
      const end = Math.floor(now / (every * hourMs)) * every * hourMs
      return byTile(events.filter(sees), every, end - over * hourMs, end)
    },
  }
}

/** Of the sessions of all events, the one that now is in. */
export function sessionWindow(gap: number): NaiveWindow {
  return {
    window: { kind: 'sessions', gap: hours(gap) },
    choose(events, now, sees) {
      const seen = events.filter(sees)
      const times = seen.map(event => event.timestamp).sort((left, right) => right - left)
      let start = times[0] ?? Number.NEGATIVE_INFINITY
      if (start + gap * hourMs <= now) return []
      for (const time of times) if (start - time < gap * hourMs) start = Math.min(start, time)
      return seen.filter(event => event.timestamp >= start)
    },
  }
}

/** Days of people whose clocks never change: `Etc/GMT-5` is five hours ahead of UTC. */
export const dayWindow: NaiveWindow = {
  window: { kind: 'days', zone: 'context.timezone' },
  choose(events, now, sees) {
    let zone = { time: Number.NEGATIVE_INFINITY, ahead: 0 }
    const days: number[] = []
    for (const event of events) {
      const own = aheadOf(event)
      if (own !== undefined && event.timestamp >= zone.time)
        zone = { time: event.timestamp, ahead: own }
      days.push(Math.floor((event.timestamp + (own ?? zone.ahead) * hourMs) / dayMs))
    }
    const today = Math.floor((now + zone.ahead * hourMs) / dayMs)
    return events.filter((event, at) => days[at] === today && sees(event))
  },
}

function aheadOf({ context }: Event): number | undefined {
  const found = /^Etc\/GMT-(\d+)$/.exec(String(context.timezone))
  return found === null ? undefined : Number(found[1])
}

function byTile(events: readonly Event[], every: number, start: number, end: number): Event[] {
  const tile = (event: Event) => Math.floor(event.timestamp / (every * hourMs))
  return events
    .filter(({ timestamp }) => timestamp >= start && timestamp < end)
    .sort((left, right) => tile(left) - tile(right))
}

/** One of each kind, by name. */
export const windows: Readonly<Record<string, NaiveWindow>> = {
  'all time': allTime,
  rolling: rollingWindow(6, 2),
  tumbling: tumblingWindow(3),
  hopping: hoppingWindow(4, 2),
  sessions: sessionWindow(2),
  days: dayWindow,
}
