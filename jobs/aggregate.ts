import type { Event } from './event.ts'
import type { CompiledFeature, Feature, Scope } from './feature.ts'
import { keeperOf } from './keeper.ts'
import type { Plain } from './layout.ts'
import type { Selection } from './selection.ts'
import { checkOptions, eventNames, predicate } from './selection.ts'
import { type Windowed, windowOptions, windowSpan } from './window.ts'

/**
 * An aggregate by its parts: what one tile, one session or all time remembers. Parts are plain data with a
 * bound, and two of them become one, so that any aggregate goes with any window.
 */
export interface Aggregate<Part extends Plain, Value> {
  create(): Part
  /** The part with the value; may change the one that is given. Never throws. */
  add(part: Part, value: Value, event: Event): Part
  /** Both in one; may change `into`, leaves `from` as it is. `from` is later in time, or came later. */
  merge(into: Part, from: Part): Part
  /** For the row; `now` is where the user's windows end, epoch ms. Leaves the part as it is. */
  result(part: Part, now: number): unknown
}

export interface AggregateOptions extends Selection, Windowed {}

export interface AggregateWord<Part extends Plain, Value, Options extends AggregateOptions> {
  readonly kind: string
  readonly options: Options
  /** Names of the options beside those of every aggregate. */
  readonly known: readonly string[]
  /** Checks the options, and answers how to read a value (`undefined`: none) and how to aggregate it. */
  compile(scope: Scope): {
    readonly read: (event: Event) => Value | undefined
    readonly aggregate: Aggregate<Part, Value>
  }
}

/** A feature made of an aggregate: its selection of events, its window, its part of the state. */
export function aggregated<Part extends Plain, Value, Options extends AggregateOptions>(
  word: AggregateWord<Part, Value, Options>,
): Feature {
  const { kind, options, known } = word
  return {
    role: 'feature',
    kind,
    options,
    compile(scope): CompiledFeature {
      checkOptions(scope, options, ['of', 'where', ...known, ...windowOptions, 'purpose'])
      const span = windowSpan(scope, options)
      const { read, aggregate } = word.compile(scope)
      const wanted = predicate(scope, options.where)
      const keeper = keeperOf(scope, span, aggregate)
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of),
            takesLate: span === undefined,
            step: {
              read: event => (wanted(event) ? read(event) : undefined),
              update: (state, value, event) => keeper.add(state, value as Value, event),
            },
          },
        ],
        show: state => aggregate.result(keeper.total(state), state.now),
      }
    },
  }
}
