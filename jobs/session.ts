import { durationForm, parseDuration } from './duration.ts'
import type { Feature } from './feature.ts'
import type { JobState } from './layout.ts'
import { checkOptions, eventNames, predicate, type Selection } from './selection.ts'

export interface SessionOptions extends Selection {
  /** Events that each come less than this after another are one visit, such as '30m'. */
  readonly gap: string
}

/**
 * `[forgotten, start, end, events, start, end, events, …]`: how many visits are only counted any more, and the
 * others, sorted by time; `start` and `end` are the times of a visit's first and last event, epoch ms.
 */
type Visits = [forgotten: number, ...visits: number[]]

/** More than the gap leaves room for within the lateness, unless that is years. */
const visitsMax = 200

/**
 * The user's visits:
 *
 *     { count, current: { start, events } | null, last: { start, end, durationMs, events } | null }
 *
 * `current` is the visit that now is in, and ends `gap` after its last event, where one that comes just then begins
 * the next (Flink would join the two); `last` the one before it. Times are
 * epoch ms. A late event may join two visits into one; one later than the job's lateness goes to `<job>.late`.
 * Name in `of` what a visitor does: left out, an email that was delivered is a visit too.
 *
 * A visit takes about 20 bytes: the last two are kept, those that a late event may still reach, and 200 at most.
 */
export function session(options: SessionOptions): Feature {
  return {
    role: 'feature',
    kind: 'session',
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'where', 'gap', 'purpose'])
      const gapMs = parseDuration(options.gap)
      if (gapMs === undefined || gapMs === 0)
        return scope.fail(`gap is ${JSON.stringify(options.gap)}`, `write ${durationForm}`)
      const wanted = predicate(scope, options.where)
      const at = scope.cell('visits', {
        create: () => [0],
        merge(into, from) {
          const [visits, others] = [into as Visits, from as Visits]
          visits[0] += others[0]
          for (let other = 1; other < others.length; other += 3) {
            const [start, end, events] = others.slice(other) as [number, number, number]
            join(visits, start, end, events, gapMs)
          }
          return into
        },
      })
      const of = (state: JobState) => state.cells[at] as Visits

      scope.clock({
        next(state) {
          const visits = of(state)
          const closes = (visits[visits.length - 2] as number) + gapMs
          return visits.length > 1 && closes > state.now ? closes : Number.POSITIVE_INFINITY
        },
        advance(state) {
          const visits = of(state)
          const reach = state.now - scope.latestMs - gapMs
          while (visits.length > 7 && (visits[2] as number) < reach) forgetOldest(visits)
        },
      })
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of),
            takesLate: false,
            step: {
              read: event => (wanted(event) ? event.timestamp : undefined),
              update: (state, time) => join(of(state), time as number, time as number, 1, gapMs),
            },
          },
        ],
        show: state => shownVisits(of(state), state.now - gapMs),
      }
    },
  }
}

/** Opens a visit, or widens the one that the span touches, or joins the two. */
function join(visits: Visits, start: number, end: number, events: number, gapMs: number): void {
  let after = visits.length
  while (after > 1 && (visits[after - 3] as number) - gapMs >= end) after -= 3
  let from = after
  let [first, last, sum] = [start, end, events]
  while (from > 1 && (visits[from - 2] as number) + gapMs > start) {
    from -= 3
    first = Math.min(first, visits[from] as number)
    last = Math.max(last, visits[from + 1] as number)
    sum += visits[from + 2] as number
  }
  visits.splice(from, after - from, first, last, sum)
  if (visits.length > 1 + 3 * visitsMax) forgetOldest(visits)
}

function forgetOldest(visits: Visits): void {
  visits.splice(1, 3)
  visits[0]++
}

/** @param closed a visit whose last event is at this time, or earlier, is over */
function shownVisits(visits: Visits, closed: number) {
  const count = visits[0] + (visits.length - 1) / 3
  let at = visits.length - 3
  let current: { start: number; events: number } | null = null
  if (at > 0 && (visits[at + 1] as number) > closed) {
    current = { start: visits[at] as number, events: visits[at + 2] as number }
    at -= 3
  }
  if (at < 1) return { count, current, last: null }
  const [start, end, events] = visits.slice(at) as [number, number, number]
  return { count, current, last: { start, end, durationMs: end - start, events } }
}
