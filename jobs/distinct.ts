import { addDistinct, type Distinct, distinctCount, mergeDistinct } from '../state/distinct.ts'
import { moveToFront } from '../state/lists.ts'
import { aggregated } from './aggregate.ts'
import type { Feature } from './feature.ts'
import type { Selection, Valued } from './selection.ts'
import { checkOptions, eventNames, isWhole, predicate, textReader } from './selection.ts'
import { type Windowed, windowOptions, windowSpan } from './window.ts'

export interface LastDistinctOptions extends Selection, Valued, Windowed {
  /** How many values to keep, 1 to 100. */
  readonly keep: number
}

export interface DistinctOptions extends Selection, Valued, Windowed {
  /** How many different values it counts exactly, 1 to 10,000; 100 when left out. Each takes 9 bytes. */
  readonly exact?: number
}

/**
 * The last different values: the one processed last first; seeing one again moves it to the front. In a
 * window, a value of a later tile comes before one of an earlier tile. A list of texts (numbers become their
 * decimal text), empty for a user who has none.
 */
export function lastDistinct(options: LastDistinctOptions): Feature {
  const { keep } = options ?? {} // that there are none is told where its name is known
  const known = ['value', 'optional', 'keep']
  const windowed = aggregated<string[], string, LastDistinctOptions>({
    kind: 'lastDistinct',
    options,
    known,
    compile: scope => ({
      read: textReader(scope, options),
      aggregate: {
        create: () => [],
        add(values, value) {
          moveToFront(values, value, keep)
          return values
        },
        merge: (values, newer) => joined(newer, values, keep),
        result: values => [...values],
      },
    }),
  })
  return {
    ...windowed,
    compile(scope) {
      checkOptions(scope, options, ['of', 'where', ...known, ...windowOptions, 'purpose'])
      if (!isWhole(keep, 1, 100))
        scope.fail(`keep is ${keep}`, 'write how many values to keep, 1 to 100: keep: 10')
      if (windowSpan(scope, options) !== undefined) return windowed.compile(scope)
      const wanted = predicate(scope, options.where)
      const textOf = textReader(scope, options)
      const at = scope.list('values', (own, earlier) => joined(own, earlier, keep))
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of),
            takesLate: true,
            step: {
              read: event => (wanted(event) ? textOf(event) : undefined),
              update: (state, value) =>
                moveToFront(state.lists[at] as string[], value as string, keep),
            },
          },
        ],
        show: state => [...(state.lists[at] as string[])],
      }
    },
  }
}

function joined(newer: readonly string[], older: readonly string[], keep: number): string[] {
  return [...new Set([...newer, ...older])].slice(0, keep)
}

/**
 * How many different values there were: exact up to `exact`, then estimated by HyperLogLog with 2,048
 * registers (2 KB of the user's state; standard error 2.3 %). 0 for a user who has none.
 */
export function distinct(options: DistinctOptions): Feature {
  return aggregated<Distinct, string, DistinctOptions>({
    kind: 'distinct',
    options,
    known: ['value', 'optional', 'exact'],
    compile(scope) {
      const { exact = 100 } = options
      if (!isWhole(exact, 1, 10_000))
        scope.fail(
          `exact is ${exact}`,
          'write how many values to count exactly, 1 to 10000: exact: 100',
        )
      return {
        read: textReader(scope, options),
        aggregate: {
          create: () => [],
          add: (part, value) => addDistinct(part, value, exact),
          merge: (part, other) => mergeDistinct(part, other, exact),
          result: distinctCount,
        },
      }
    },
  })
}
