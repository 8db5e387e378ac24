import type { Event } from './event.ts'
import type { Feature } from './feature.ts'
import type { RekeyedEvent } from './job.ts'
import type { JobState, Plain } from './layout.ts'
import {
  idOfSending,
  keyReader,
  linesReader,
  type Rekeying,
  rememberedBounds,
  targetTopic,
} from './rekeying.ts'
import { mergeRemembered, type Remembered, remember } from './remembered.ts'
import { checkOptions, eventNames, predicate, type Selection, type Valued } from './selection.ts'

export interface RekeyOptions extends Selection, Rekeying {
  /** Whose the new event is: a path or a function, such as 'product_id'. Numbers become their decimal text. */
  readonly key: Valued['value']
  /** An event, or a line, without key or value sends nothing; left out, it goes to `<job>.dead`. */
  readonly optional?: boolean
  /** The new event's name. */
  readonly as: string
  /** Properties to send along, by name: texts of at most 256 characters, numbers and booleans. */
  readonly carry?: readonly string[]
  /** What is the same comes only once within this time, such as '30m', so that reloading a page counts once. */
  readonly within?: string
  /** What is the same: a path or a function; the key when left out. */
  readonly value?: Valued['value']
  /** How many different values are sent of one event's list, and remembered for `within`, 1 to 20; 20 when left out. */
  readonly keep?: number
}

interface Sending {
  readonly key: string
  readonly value: string
  readonly properties: Readonly<Record<string, unknown>>
}

/**
 * Sends an event on to another key, of a job that is chained to this one: a view to its product, a click to its
 * campaign. It takes effect there exactly once. One event sends at most `keep` others. An event later than the
 * job's lateness goes to `<job>.late` and sends nothing. It shows nothing, and takes no bytes of a user without
 * `within`; with it, for each value kept about 9 and its text.
 */
export function rekey(options: RekeyOptions): Feature {
  return {
    role: 'feature',
    kind: 'rekey',
    options,
    compile(scope) {
      checkOptions(scope, options, [
        ...['of', 'where', 'to', 'list', 'key', 'optional', 'as', 'carry', 'within', 'value'],
        ...['keep', 'purpose'],
      ])
      const to = targetTopic(scope, options.to)
      const { key, value = key, as, carry = [], within, keep = 20, optional } = options
      if (typeof as !== 'string' || as === '')
        scope.fail(`as is ${JSON.stringify(as)}`, "write the new event's name: as: 'Product Seen'")
      if (!Array.isArray(carry) || !carry.every(name => typeof name === 'string' && name !== ''))
        scope.fail(`carry is ${JSON.stringify(carry)}`, "write properties: carry: ['category']")
      const bounds = rememberedBounds(scope, { keep, within })
      const isOptional = optional !== undefined && { optional }
      const linesOf = linesReader(scope, options)
      const keyOf = keyReader(scope, { value: key, ...isOptional })
      const sameOf = keyReader(scope, { value, ...isOptional })
      const wanted = predicate(scope, options.where)
      const at = within === undefined ? undefined : memoryCell()

      function memoryCell(): number {
        return scope.cell('memory', {
          create: () => [],
          merge: (into, from) =>
            mergeRemembered(into as Remembered, from as Remembered, bounds) as Plain[],
        })
      }

      function isNew(state: JobState, value: string, time: number): boolean {
        if (at === undefined) return true
        return remember(state.cells[at] as Remembered, value, time, bounds) !== undefined
      }

      function sendings(event: Event): Sending[] | undefined {
        const found = new Map<string, Sending>()
        for (const line of linesOf(event)) {
          const [key, value] = [keyOf(line), sameOf(line)]
          if (key === undefined || value === undefined || found.has(value)) continue
          found.set(value, { key, value, properties: carried(line, carry) })
          if (found.size === keep) break
        }
        return found.size === 0 ? undefined : [...found.values()]
      }

      return {
        rekeys: [to],
        mayThrow: true,
        steps: [
          {
            events: eventNames(scope, 'of', options.of),
            takesLate: false,
            step: {
              read: event => (wanted(event) ? sendings(event) : undefined),
              update(state, list, event, context) {
                const { timestamp } = event
                const id = idOfSending(scope, event)
                for (const { key, value, properties } of list as Sending[]) {
                  if (!isNew(state, value, timestamp)) continue
                  const messageId = id && `${id}:${value}`
                  const sent: RekeyedEvent = {
                    type: 'track',
                    event: as,
                    messageId,
                    timestamp,
                    properties,
                  }
                  context.rekey({ to, key, event: sent })
                }
              },
            },
          },
        ],
      }
    },
  }
}

function carried({ properties }: Event, names: readonly string[]): Record<string, unknown> {
  const taken: Record<string, unknown> = {}
  for (const name of names) {
    const value = properties[name]
    const isShort = typeof value === 'string' && value.length <= 256
    if (isShort || typeof value === 'number' || typeof value === 'boolean') taken[name] = value
  }
  return taken
}
