import { addDecayed, weightAt } from '../state/decayed.ts'
import type { Bound, Feature } from './feature.ts'
import { type HumanOptions, humanReader } from './human.ts'
import type { JobState } from './layout.ts'
import { checkOptions, eventNames, predicate, type Selection } from './selection.ts'
import { halfLifeMs } from './top-k.ts'

export interface EngagementOptions extends HumanOptions, Pick<Selection, 'where' | 'purpose'> {
  /** 'Email Opened' when left out. */
  readonly opened?: string | readonly string[]
  /** 'Email Link Clicked' when left out. */
  readonly clicked?: string | readonly string[]
  /** After so long an open or a click weighs half; '30d' when left out. */
  readonly halfLife?: string
  /** What they weigh, 0 to 1,000; { open: 1, click: 3 } when left out. */
  readonly weights?: { readonly open?: number; readonly click?: number }
}

/** `[score at the latest of them, opens, clicks, lastOpenAt, lastClickAt]`; 0: never. */
type Cell = [score: number, opens: number, clicks: number, openAt: number, clickAt: number]

/**
 * How the user engages with emails, by what humans did:
 *
 *     { score, opens, clicks, lastOpenAt, lastClickAt, lastAt }
 *
 * `score` adds up the weights, each halved for every half-life that it is old: as of the row's `asOf`, to a
 * thousandth; it shrinks while nothing happens, and the row says what it was when something last did. Times are
 * epoch ms, null where there is none. What a proxy, a prefetch or a scanner opened does not count, and neither
 * does what nobody has judged. At most 40 bytes.
 */
export function engagement(options: EngagementOptions = {}): Feature {
  return {
    role: 'feature',
    kind: 'engagement',
    options,
    compile(scope) {
      const own = ['opened', 'clicked', 'halfLife', 'weights', 'verdict']
      checkOptions(scope, options, [...own, 'where', 'purpose'])
      const ms = halfLifeMs(scope, options.halfLife ?? '30d')
      const { open = 1, click = 3, ...others } = options.weights ?? {}
      const isWeight = (weight: unknown) =>
        typeof weight === 'number' && weight >= 0 && weight <= 1_000
      if (!isWeight(open) || !isWeight(click) || Object.keys(others).length > 0)
        scope.fail(
          `weights is ${JSON.stringify(options.weights)}`,
          'write weights: { open: 1, click: 3 }, from 0 to 1000 each',
        )
      const opened = eventNames(scope, 'opened', options.opened ?? 'Email Opened') ?? []
      const clicked = eventNames(scope, 'clicked', options.clicked ?? 'Email Link Clicked') ?? []
      if (opened.some(name => clicked.includes(name)))
        scope.fail('an event is both an open and a click', 'name it in one of opened and clicked')
      const wanted = predicate(scope, options.where)
      const isHuman = humanReader(scope, options)
      const at = scope.cell('engagement', {
        create: () => [0, 0, 0, 0, 0],
        merge(into, from) {
          const [own, [score, opens, clicks, openAt, clickAt]] = [into as Cell, from as Cell]
          weigh(own, score, Math.max(openAt, clickAt))
          own[1] += opens
          own[2] += clicks
          own[3] = Math.max(own[3], openAt)
          own[4] = Math.max(own[4], clickAt)
          return into
        },
      })
      const of = (state: JobState) => state.cells[at] as Cell
      /** Before the times are moved on. */
      function weigh(cell: Cell, weight: number, time: number): void {
        const [score, , , openAt, clickAt] = cell
        cell[0] = addDecayed([Math.max(openAt, clickAt), score], weight, time, ms)[1]
      }
      const bound = (events: readonly string[], weight: number, counter: 1 | 2): Bound => ({
        events,
        takesLate: true,
        step: {
          read: event => (isHuman(event) && wanted(event) ? true : undefined),
          update(state, _value, { timestamp }) {
            const cell = of(state)
            weigh(cell, weight, timestamp)
            cell[counter]++
            const latest = counter === 1 ? 3 : 4
            cell[latest] = Math.max(cell[latest], timestamp)
          },
        },
      })
      return {
        steps: [bound(opened, open, 1), bound(clicked, click, 2)],
        show(state) {
          const [score, opens, clicks, openAt, clickAt] = of(state)
          const latest = Math.max(openAt, clickAt)
          const now = Math.max(state.now, latest)
          return {
            score: score === 0 ? 0 : Math.round(weightAt(score, latest, now, ms) * 1_000) / 1_000,
            ...{ opens, clicks },
            lastOpenAt: openAt || null,
            lastClickAt: clickAt || null,
            lastAt: latest || null,
          }
        },
      }
    },
  }
}
