import type { Event } from './event.ts'
import type { Bound, CompiledFeature, Feature, Scope } from './feature.ts'
import type { Selection, Valued } from './selection.ts'
import { checkOptions, eventNames, numberReader, predicate } from './selection.ts'
import type { Windowed } from './window.ts'
import { accumulator } from './window.ts'

export interface CountOptions extends Selection, Windowed {
  /** Events that count down, such as 'Order Refunded'. `where` is asked for them too. */
  readonly minus?: string | readonly string[]
}

export interface SumOptions extends CountOptions, Valued {}

/** How many events there were. 0 for a user who has none. */
export function count(options: CountOptions): Feature {
  return {
    role: 'feature',
    kind: 'count',
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'minus', 'where', 'over', 'every'])
      return compileTotal(scope, options, () => 1)
    },
  }
}

/** The sum of a value of the events, in doubles (exact for whole numbers up to 2^53). 0 for a user who has none. */
export function sum(options: SumOptions): Feature {
  return {
    role: 'feature',
    kind: 'sum',
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'minus', 'where', 'value', 'optional', 'over', 'every'])
      return compileTotal(scope, options, numberReader(scope, options))
    },
  }
}

function compileTotal(
  scope: Scope,
  options: CountOptions,
  amountOf: (event: Event) => number | undefined,
): CompiledFeature {
  const plus = eventNames(scope, 'of', options.of)
  const minus = eventNames(scope, 'minus', options.minus)
  if (minus !== undefined && (plus === undefined || plus.some(name => minus.includes(name))))
    scope.fail(
      'minus needs an of that names other events',
      "write of: 'Order Completed', minus: 'Order Refunded'",
    )
  const wanted = predicate(scope, options.where)
  const { add, total } = accumulator(scope, options)

  const bound = (events: readonly string[] | undefined, sign: 1 | -1): Bound => ({
    events,
    step: {
      read: event => (wanted(event) ? amountOf(event) : undefined),
      update: (state, amount, event) => add(state, sign * (amount as number), event),
    },
  })
  return {
    steps: minus === undefined ? [bound(plus, 1)] : [bound(plus, 1), bound(minus, -1)],
    fields: [{ name: scope.name, value: total }],
  }
}
