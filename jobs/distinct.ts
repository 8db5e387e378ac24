import { addToSet, moveToFront } from '../state/lists.ts'
import type { Feature } from './feature.ts'
import type { Selection, Valued } from './selection.ts'
import { checkOptions, eventNames, predicate, textReader } from './selection.ts'

export interface LastDistinctOptions extends Selection, Valued {
  /** How many values to keep, 1 to 100. */
  readonly keep: number
}

export interface DistinctOptions extends Selection, Valued {
  /** How many different values it tells apart, 1 to 10,000; 1,000 when left out. Each is kept as it is. */
  readonly max?: number
}

/**
 * The last different values, all time: the one processed last first; seeing one again moves it to the
 * front. A list of texts (numbers become their decimal text), empty for a user who has none.
 */
export function lastDistinct(options: LastDistinctOptions): Feature {
  return {
    role: 'feature',
    kind: 'lastDistinct',
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'where', 'value', 'optional', 'keep'])
      const { keep } = options
      if (!isWhole(keep, 100))
        scope.fail(`keep is ${keep}`, 'write how many values to keep, 1 to 100: keep: 10')
      const wanted = predicate(scope, options.where)
      const textOf = textReader(scope, options)
      const at = scope.list('values')
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of),
            step: {
              read: event => (wanted(event) ? textOf(event) : undefined),
              update: (state, value) =>
                moveToFront(state.lists[at] as string[], value as string, keep),
            },
          },
        ],
        fields: [{ name: scope.name, value: state => [...(state.lists[at] as string[])] }],
      }
    },
  }
}

/**
 * How many different values there were, all time: exact up to `max`. Beyond, it stays at `max`, and the
 * row says so with a second field, `<name>Capped: true`, which is not there otherwise.
 */
export function distinct(options: DistinctOptions): Feature {
  return {
    role: 'feature',
    kind: 'distinct',
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'where', 'value', 'optional', 'max'])
      const { max = 1_000 } = options
      if (!isWhole(max, 10_000))
        scope.fail(`max is ${max}`, 'write how many values to tell apart, 1 to 10000: max: 1000')
      const wanted = predicate(scope, options.where)
      const textOf = textReader(scope, options)
      const at = scope.list('values')
      const capped = scope.number('capped', 0)
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of),
            step: {
              read: event => (wanted(event) ? textOf(event) : undefined),
              update(state, value) {
                if (!addToSet(state.lists[at] as string[], value as string, max))
                  state.numbers[capped] = 1
              },
            },
          },
        ],
        fields: [
          { name: scope.name, value: state => (state.lists[at] as string[]).length },
          {
            name: `${scope.name}Capped`,
            value: state => (state.numbers[capped] === 1 ? true : undefined),
          },
        ],
      }
    },
  }
}

function isWhole(value: unknown, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max
}
