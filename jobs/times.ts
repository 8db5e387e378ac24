import type { Feature } from './feature.ts'
import type { Selection } from './selection.ts'
import { checkOptions, eventNames, predicate } from './selection.ts'

/** The smallest event time, epoch ms, whatever the order of arrival. null for a user who has none. */
export function firstTime(options: Selection): Feature {
  return extremeTime('firstTime', options, Math.min)
}

/** The greatest event time, epoch ms, whatever the order of arrival. null for a user who has none. */
export function lastTime(options: Selection): Feature {
  return extremeTime('lastTime', options, Math.max)
}

function extremeTime(
  kind: string,
  options: Selection,
  pick: (a: number, b: number) => number,
): Feature {
  return {
    role: 'feature',
    kind,
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'where'])
      const wanted = predicate(scope, options.where)
      const at = scope.number('time', Number.NaN)
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of),
            step: {
              read: event => (wanted(event) ? event.timestamp : undefined),
              update(state, value) {
                const time = value as number
                const known = state.numbers[at] as number
                state.numbers[at] = Number.isNaN(known) ? time : pick(known, time)
              },
            },
          },
        ],
        fields: [
          {
            name: scope.name,
            value: state => (Number.isNaN(state.numbers[at]) ? null : state.numbers[at]),
          },
        ],
      }
    },
  }
}
