import { durationForm, parseDuration } from './duration.ts'
import type { Bound, TriggerRule } from './feature.ts'
import type { JobState } from './layout.ts'
import type { Selection } from './selection.ts'
import { checkOptions, eventNames, predicate } from './selection.ts'

export interface AfterOptions extends Pick<Selection, 'where' | 'purpose'> {
  /** The events that it waits after: the latest one counts. `where` is asked for these. */
  readonly from: string | readonly string[]
  /** Events that call it off, at or after that time. */
  readonly unless?: string | readonly string[]
}

/**
 * Fires so long after a user's latest `from`, unless one of `unless` came at or after it: a cart left alone, a
 * trial that nobody used. By event time, so a silent user's fires when the task's time gets there (with
 * `idle: 'wall-clock'` also while nobody does anything); once for each latest `from`. The order of arrival
 * plays no part, but what comes after it has fired comes too late.
 */
export function after(delay: string, options: AfterOptions): TriggerRule {
  return {
    role: 'trigger',
    kind: 'after',
    options: { delay, ...options },
    compile(scope) {
      const delayMs = parseDuration(delay)
      if (delayMs === undefined || delayMs === 0)
        return scope.fail(
          `its delay is ${JSON.stringify(delay)}`,
          `write ${durationForm}: after('1h', { from: 'Product Added' })`,
        )
      if (typeof options !== 'object' || options === null)
        scope.fail('it has no options', "write after('1h', { from: 'Product Added' })")
      checkOptions(scope, options, ['from', 'unless', 'where', 'purpose'])
      const from = eventNames(scope, 'from', options.from)
      const unless = eventNames(scope, 'unless', options.unless) ?? []
      if (from === undefined || from.some(name => unless.includes(name)))
        scope.fail(
          'it needs a from that names other events than unless',
          "write from: 'Product Added', unless: 'Order Completed'",
        )
      const wanted = predicate(scope, options.where)
      const never = Number.NEGATIVE_INFINITY
      const begun = scope.number('begun', never, Math.max)
      const calledOff = scope.number('called off', never, Math.max)
      const fired = scope.number('fired', never, Math.max)

      const latest = (events: readonly string[], at: number, asks: boolean): Bound => ({
        events,
        takesLate: false,
        step: {
          read: event => (!asks || wanted(event) ? event.timestamp : undefined),
          update(state, time) {
            state.numbers[at] = Math.max(state.numbers[at] as number, time as number)
          },
        },
      })
      const next = (state: JobState) => {
        const since = state.numbers[begun] as number
        const isDone =
          since === never ||
          since <= (state.numbers[calledOff] as number) ||
          since <= (state.numbers[fired] as number)
        return isDone ? Number.POSITIVE_INFINITY : since + delayMs
      }
      const done = (state: JobState) => {
        state.numbers[fired] = state.numbers[begun] as number
      }
      const steps = [latest(from ?? [], begun, true)]
      if (unless.length > 0) steps.push(latest(unless, calledOff, false))
      return {
        steps,
        timer: {
          next,
          fire(state, time, { emit }) {
            done(state)
            emit({ name: scope.name, reason: `${delay} after ${from?.join(' or ')}`, time })
          },
          cancel: done,
        },
      }
    },
  }
}
