import type { Event } from './event.ts'
import type { Feature } from './feature.ts'
import type { JobContext } from './job.ts'
import type { JobState, Plain } from './layout.ts'
import {
  idOfSending,
  keyReader,
  linesReader,
  type Rekeying,
  rememberedBounds,
  targetTopic,
} from './rekeying.ts'
import { mergeRemembered, type Remembered, remember, valuesOf } from './remembered.ts'
import { checkOptions, eventNames, predicate, type Selection, type Valued } from './selection.ts'

export interface PairsOptions extends Selection, Valued, Rekeying {
  /** The longest time between the two of a pair, such as '30m'. Not with a `list`, whose lines are of one moment. */
  readonly within?: string
  /** How many different values are remembered, 1 to 20; 5 when left out. With a `list`: how many of one event; 20. */
  readonly keep?: number
  /** The name of what is sent; 'Viewed Together' when left out, and with a `list` 'Bought Together'. */
  readonly as?: string
}

/**
 * Sends what comes together to each other: for every two different values of a user `within` a time, or of the
 * lines of one event (`list`), an event to each of the two as its key, with the other one as its `with`. Another
 * job, chained to this one, counts them. Each takes effect there exactly once.
 *
 * The user's last `keep` values are remembered. A new one is paired with all of them; one that is remembered already
 * is not new, so that going to and fro between two products is one pair. One event sends at most 2 × `keep` events,
 * with a `list` `keep` × (`keep` − 1): 10 and 380, where `keep` is left out. An event later than the job's lateness
 * goes to `<job>.late` and is paired with nothing.
 *
 * It shows what is remembered as of the user's last event, latest first; with a `list` nothing. A value takes about
 * 9 bytes and its text.
 */
export function pairs(options: PairsOptions): Feature {
  return {
    role: 'feature',
    kind: 'pairs',
    options,
    compile(scope) {
      checkOptions(scope, options, [
        ...['of', 'where', 'to', 'list', 'value', 'optional', 'within', 'keep', 'as', 'purpose'],
      ])
      const to = targetTopic(scope, options.to)
      const { list, within } = options
      const { as = list === undefined ? 'Viewed Together' : 'Bought Together' } = options
      if (typeof as !== 'string' || as === '')
        scope.fail(`as is ${JSON.stringify(as)}`, "write an event's name: as: 'Viewed Together'")
      if ((list === undefined) === (within === undefined))
        scope.fail(
          `it has ${list === undefined ? 'neither within nor list' : 'both within and list'}`,
          "write within: '30m' for events that come one after the other, or list: 'products' for the lines of one",
        )
      const { keep = list === undefined ? 5 : 20 } = options
      const bounds = rememberedBounds(scope, { keep, within })
      const wanted = predicate(scope, options.where)
      const read = keyReader(scope, options)
      const linesOf = linesReader(scope, options)

      function valuesIn(event: Event): string[] | undefined {
        const found = new Set<string>()
        for (const line of wanted(event) ? linesOf(event) : []) {
          const value = read(line)
          if (value !== undefined) found.add(value)
          if (found.size === keep) break
        }
        return found.size === 0 ? undefined : [...found]
      }

      function send(event: Event, value: string, others: readonly string[], context: JobContext) {
        if (others.length === 0) return
        const { timestamp } = event
        const id = idOfSending(scope, event)
        const sendOne = (key: string, other: string) => {
          const sent = { type: 'track', event: as, timestamp, properties: { with: other } }
          context.rekey({ to, key, event: { ...sent, messageId: id && `${id}:${other}` } })
        }
        for (const other of others) {
          sendOne(value, other)
          sendOne(other, value)
        }
      }

      const bound = { events: eventNames(scope, 'of', options.of), takesLate: false }
      if (list !== undefined) {
        const update = (_: JobState, values: unknown, event: Event, context: JobContext) => {
          const all = values as string[]
          for (const [at, value] of all.entries()) send(event, value, all.slice(at + 1), context)
        }
        return {
          rekeys: [to],
          mayThrow: true,
          steps: [{ ...bound, step: { read: valuesIn, update } }],
        }
      }

      const at = scope.cell('memory', {
        create: () => [],
        merge: (into, from) =>
          mergeRemembered(into as Remembered, from as Remembered, bounds) as Plain[],
      })
      const memoryOf = (state: JobState) => state.cells[at] as Remembered
      return {
        rekeys: [to],
        mayThrow: true,
        show: state => valuesOf(memoryOf(state)),
        steps: [
          {
            ...bound,
            step: {
              read: valuesIn,
              update(state, values, event, context) {
                const [value = ''] = values as string[]
                const others = remember(memoryOf(state), value, event.timestamp, bounds)
                send(event, value, others ?? [], context)
              },
            },
          },
        ],
      }
    },
  }
}
