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
      checkOptions(scope, options, ['of', 'where', 'purpose'])
      const wanted = predicate(scope, options.where)
      const of = (known: number, time: number): number =>
        Number.isNaN(known) ? time : Number.isNaN(time) ? known : pick(known, time)
      const at = scope.number('time', Number.NaN, of)
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of),
            takesLate: true,
            step: {
              read: event => (wanted(event) ? event.timestamp : undefined),
              update(state, time) {
                state.numbers[at] = of(state.numbers[at] as number, time as number)
              },
            },
          },
        ],
        show: state => (Number.isNaN(state.numbers[at]) ? null : state.numbers[at]),
      }
    },
  }
}
