import type { Bound, Feature } from './feature.ts'
import type { JobState } from './layout.ts'
import { checkOptions, eventNames, predicate, type Selection } from './selection.ts'

export interface SignUpOptions extends Pick<Selection, 'where' | 'purpose'> {
  /** 'Signed Up' when left out. */
  readonly signedUp?: string | readonly string[]
  /** The second yes of a double opt-in; 'Email Confirmed' when left out. `false`: none is asked for. */
  readonly confirmed?: string | readonly string[] | false
  /** 'Unsubscribed' and 'Email Marked as Spam' when left out. */
  readonly unsubscribed?: string | readonly string[]
}

/** `[first sign-up, latest sign-up, first confirmation, latest confirmation, latest unsubscription]`, 0: never. */
type Cell = [first: number, latest: number, confirmed: number, reconfirmed: number, left: number]

/**
 * How the user stands with emails:
 *
 *     { status: 'none' | 'signed up' | 'confirmed' | 'unsubscribed', mailable, signedUpAt, confirmedAt, unsubscribedAt }
 *
 * `signedUpAt` and `confirmedAt` are the first times, `unsubscribedAt` the latest, epoch ms, null: never. Who signs up
 * or confirms after he unsubscribed is back; of the same moment, the no counts. `mailable`: confirmed, or signed up
 * where no confirmation is asked for. In whatever order the events come, and however late. At most 47 bytes.
 */
export function signUp(options: SignUpOptions = {}): Feature {
  return {
    role: 'feature',
    kind: 'signUp',
    options,
    compile(scope) {
      checkOptions(scope, options, ['signedUp', 'confirmed', 'unsubscribed', 'where', 'purpose'])
      const wanted = predicate(scope, options.where)
      const { confirmed = 'Email Confirmed' } = options
      const lists = [
        eventNames(scope, 'signedUp', options.signedUp ?? 'Signed Up') ?? [],
        confirmed === false ? [] : (eventNames(scope, 'confirmed', confirmed) ?? []),
        eventNames(
          scope,
          'unsubscribed',
          options.unsubscribed ?? ['Unsubscribed', 'Email Marked as Spam'],
        ) ?? [],
      ] as const
      const names = lists.flat()
      const doubled = names.find((name, place) => names.indexOf(name) < place)
      if (doubled !== undefined)
        scope.fail(
          `'${doubled}' says two things`,
          'name it in one of signedUp, confirmed and unsubscribed',
        )
      const at = scope.cell('state', {
        create: () => [0, 0, 0, 0, 0],
        merge(into, from) {
          const [own, other] = [into as Cell, from as Cell]
          for (const place of [0, 2] as const) own[place] = earlier(own[place], other[place])
          for (const place of [1, 3, 4] as const) own[place] = Math.max(own[place], other[place])
          return into
        },
      })
      const bound = (
        events: readonly string[],
        note: (cell: Cell, time: number) => void,
      ): Bound => ({
        events,
        takesLate: true,
        step: {
          read: event => (wanted(event) ? event.timestamp : undefined),
          update: (state: JobState, time) => note(state.cells[at] as Cell, time as number),
        },
      })
      const steps = [
        bound(lists[0], (cell, time) => {
          cell[0] = earlier(cell[0], time)
          cell[1] = Math.max(cell[1], time)
        }),
        bound(lists[1], (cell, time) => {
          cell[2] = earlier(cell[2], time)
          cell[3] = Math.max(cell[3], time)
        }),
        bound(lists[2], (cell, time) => {
          cell[4] = Math.max(cell[4], time)
        }),
      ].filter(({ events }) => events !== undefined && events.length > 0)
      return {
        steps,
        show(state) {
          const [first, latest, confirmedAt, reconfirmed, left] = state.cells[at] as Cell
          const isBack = Math.max(latest, reconfirmed) > left
          let status = 'none'
          if (left > 0 && !isBack) status = 'unsubscribed'
          else if (reconfirmed > left) status = 'confirmed'
          else if (latest > 0) status = 'signed up'
          return {
            status,
            mailable: status === 'confirmed' || (status === 'signed up' && confirmed === false),
            signedUpAt: first || null,
            confirmedAt: confirmedAt || null,
            unsubscribedAt: left || null,
          }
        },
      }
    },
  }
}

/** 0 is no time. */
function earlier(one: number, other: number): number {
  return one === 0 || other === 0 ? one + other : Math.min(one, other)
}
