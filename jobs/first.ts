import type { TriggerRule } from './feature.ts'
import type { Selection } from './selection.ts'
import { checkOptions, eventNames, predicate } from './selection.ts'

/**
 * Fires once for each user, at the first such event that is processed; its time is that event's. In a
 * job that had users before the trigger was added, it fires at the first one after that.
 */
export function first(options: Selection): TriggerRule {
  return {
    role: 'trigger',
    kind: 'first',
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'where', 'purpose'])
      const events = eventNames(scope, 'of', options.of)
      const wanted = predicate(scope, options.where)
      const fired = scope.number('fired', 0, Math.max)
      return {
        steps: [
          {
            events,
            takesLate: true,
            step: {
              read: event => (wanted(event) ? 1 : undefined),
              update(state, _value, event, context) {
                if (state.numbers[fired] === 1) return
                state.numbers[fired] = 1
                const reason = `first ${event.event === '' ? event.type : event.event}`
                context.emit({ name: scope.name, reason, time: event.timestamp })
              },
            },
          },
        ],
      }
    },
  }
}
