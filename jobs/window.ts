import { durationForm, parseDuration } from './duration.ts'

/**
 * Which events a feature looks at, by event time. `over` and `every` are short for `rolling(over, every)`;
 * without any of the three: all time.
 */
export interface Windowed {
  readonly over?: string
  /** The length of the tiles, such as '1h'. The shorter, the more exact, and the larger the state. */
  readonly every?: string
  readonly window?: Window
}

/** One of `rolling`, `tumbling`, `hopping`, `sessions` and `days`. */
export type Window =
  | { readonly kind: 'rolling' | 'hopping'; readonly over: string; readonly every: string }
  | { readonly kind: 'tumbling'; readonly every: string }
  | { readonly kind: 'sessions'; readonly gap: string }
  | { readonly kind: 'days'; readonly zone: string }

/**
 * The last `over`, in tiles of `every`: the newest tile is as full as now is into it, the oldest leaves
 * whole. So the window covers `over` at most, and more than `over − every`: what is missing, if anything, is
 * shorter than one tile.
 */
export function rolling(over: string, every: string): Window {
  return { kind: 'rolling', over, every }
}

/** The present span of `every` since 1970, UTC, such as this hour or this day: it begins empty. */
export function tumbling(every: string): Window {
  return { kind: 'tumbling', every }
}

/**
 * The last whole span of `over` that ended at a multiple of `every`: what happens now is not in it before its
 * tile of `every` is over. Exact, and up to one `every` old.
 */
export function hopping(over: string, every: string): Window {
  return { kind: 'hopping', over, every }
}

/**
 * The visit that now is in: events that each come less than `gap` after another. It is over, and the
 * feature empty, `gap` after its last event; one that comes just then begins the next visit. (Flink's session windows
 * would join the two.) A late event may join two visits into one.
 */
export function sessions(gap: string): Window {
  return { kind: 'sessions', gap }
}

/**
 * This day in the user's own time zone: `zone` is a path in the event, such as 'context.timezone', or an IANA
 * name, such as 'Europe/Berlin'. The zone of a user's newest event that names one counts; before: UTC.
 */
export function days(zone = 'context.timezone'): Window {
  return { kind: 'days', zone }
}

/** A window as the features' code needs it. `undefined`: all time. */
export type WindowSpan =
  | { readonly kind: 'tiles'; readonly everyMs: number; readonly count: number; whole: boolean }
  | { readonly kind: 'sessions'; readonly gapMs: number }
  | { readonly kind: 'days'; readonly zone: string }

export interface Failing {
  fail(problem: string, remedy: string): never
}

export const windowOptions = ['over', 'every', 'window'] as const

/** The most tiles of a window. One takes about 4 bytes of a user's encoded state, and 1 to 9 more for each feature. */
export const tilesMax = 1_000

/** Checks the window of a feature's options. */
export function windowSpan(scope: Failing, options: Windowed): WindowSpan | undefined {
  const { over, every, window } = options
  if (window === undefined) {
    if (over === undefined && every === undefined) return undefined
    return tiles(scope, over, every, false)
  }
  if (over !== undefined || every !== undefined)
    scope.fail('it has both a window and over or every', "write only window: rolling('7d', '1h')")
  switch (window?.kind) {
    case 'rolling':
      return tiles(scope, window.over, window.every, false)
    case 'hopping':
      return tiles(scope, window.over, window.every, true)
    case 'tumbling':
      return tiles(scope, window.every, window.every, false)
    case 'sessions':
      return { kind: 'sessions', gapMs: duration(scope, 'the gap', window.gap) }
    case 'days':
      if (typeof window.zone === 'string' && window.zone !== '')
        return { kind: 'days', zone: window.zone }
      return scope.fail(`the zone of its days is ${JSON.stringify(window.zone)}`, daysForm)
    default:
      return scope.fail(
        `window is ${JSON.stringify(window)}`,
        "write rolling('7d', '1h'), tumbling('1d'), hopping('1h', '5m'), sessions('30m') or days()",
      )
  }
}

const daysForm = "write a path or a time zone: window: days('context.timezone')"

function tiles(scope: Failing, over: unknown, every: unknown, whole: boolean): WindowSpan {
  const overMs = duration(scope, 'over', over)
  const everyMs = duration(scope, 'every', every)
  const count = overMs / everyMs
  if (!Number.isInteger(count))
    scope.fail(
      `a window over '${over}' is not a whole number of tiles every '${every}'`,
      `choose tiles that divide it: over: '7d', every: '1h'`,
    )
  if (count > tilesMax)
    scope.fail(
      `a window over '${over}' every '${every}' has ${count} tiles, and ${tilesMax} is the most`,
      'choose longer tiles, or a shorter window',
    )
  return { kind: 'tiles', everyMs, count, whole }
}

function duration(scope: Failing, option: string, text: unknown): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms === 0)
    return scope.fail(
      `${option} is ${JSON.stringify(text)}`,
      `write ${durationForm}; a window needs both over and every`,
    )
  return ms
}
