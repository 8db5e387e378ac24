import { addToTile, sumTiles, type Tiles } from '../state/tiles.ts'
import type { Event } from './event.ts'
import type { Bound, CompiledFeature, Feature, Scope } from './feature.ts'
import { keeperOf } from './keeper.ts'
import { firstTile, type JobState, lastTile } from './layout.ts'
import type { Selection, Valued } from './selection.ts'
import { checkOptions, eventNames, numberReader, predicate } from './selection.ts'
import { type Windowed, type WindowSpan, windowOptions, windowSpan } from './window.ts'

export interface CountOptions extends Selection, Windowed {
  /** Events that count down, such as 'Order Refunded'. `where` is asked for them too. */
  readonly minus?: string | readonly string[]
}

export interface SumOptions extends CountOptions, Valued {}

export interface AverageOptions extends SumOptions {}

export interface RatioOptions extends Windowed, Pick<Selection, 'where' | 'purpose'> {
  /** What is counted above the line. */
  readonly of: string | readonly string[]
  /** What is counted below it. */
  readonly per: string | readonly string[]
}

/** How many events there were. 0 for a user who has none. */
export function count(options: CountOptions): Feature {
  return {
    role: 'feature',
    kind: 'count',
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'minus', 'where', ...windowOptions, 'purpose'])
      const { steps, total } = compileTotal(scope, options, () => 1)
      return { steps, show: total }
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
      checkOptions(scope, options, [...sumOptions])
      const { steps, total } = compileTotal(scope, options, numberReader(scope, options))
      return { steps, show: total }
    },
  }
}

/** The mean of a value of the events: their sum by their number. null where there are none. */
export function average(options: AverageOptions): Feature {
  return {
    role: 'feature',
    kind: 'average',
    options,
    compile(scope) {
      checkOptions(scope, options, [...sumOptions])
      const read = numberReader(scope, options)
      const one = (event: Event) => (read(event) === undefined ? undefined : 1)
      const above = compileTotal(scope, options, read, 'sum')
      const below = compileTotal(scope, options, one, 'count')
      return {
        steps: [...above.steps, ...below.steps],
        show: state => ratioOf(above, below, state),
      }
    },
  }
}

/** The number of some events by the number of others, such as orders per visit. null where there are no others. */
export function ratio(options: RatioOptions): Feature {
  return {
    role: 'feature',
    kind: 'ratio',
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'per', 'where', ...windowOptions, 'purpose'])
      const { of, per, ...rest } = options // `where` is asked for both
      for (const [option, names] of Object.entries({ of, per }))
        if (eventNames(scope, option, names) === undefined)
          scope.fail(`it has no ${option}`, "write of: 'Order Completed', per: 'Product Viewed'")
      const span = windowSpan(scope, options)
      if (span?.kind === 'sessions' || span?.kind === 'days')
        return ratioInOne(scope, span, options)
      const above = compileTotal(scope, { ...rest, of }, () => 1, 'of')
      const below = compileTotal(scope, { ...rest, of: per }, () => 1, 'per')
      return {
        steps: [...above.steps, ...below.steps],
        show: state => ratioOf(above, below, state),
      }
    },
  }
}

/** Both counts in one part, since it takes the events of both to know where a session ends. */
function ratioInOne(scope: Scope, span: WindowSpan, options: RatioOptions): CompiledFeature {
  const wanted = predicate(scope, options.where)
  const add = (into: number[], from: readonly number[]) =>
    into.map((own, at) => own + (from[at] ?? 0))
  const keeper = keeperOf<number[], number[]>(scope, span, {
    create: () => [0, 0],
    add,
    merge: add,
    result: counts => counts,
  })
  const bound = (option: 'of' | 'per', counts: number[]): Bound => ({
    events: eventNames(scope, option, options[option]),
    takesLate: false,
    step: {
      read: event => (wanted(event) ? counts : undefined),
      update: (state, value, event) => keeper.add(state, value as number[], event),
    },
  })
  const show = (state: JobState) => {
    const [above = 0, below = 0] = keeper.total(state)
    return below === 0 ? null : above / below
  }
  return {
    steps: [bound('of', [1, 0]), bound('per', [0, 1])],
    show,
  }
}

const sumOptions = ['of', 'minus', 'where', 'value', 'optional', ...windowOptions, 'purpose']

interface Total {
  readonly steps: readonly Bound[]
  total(state: JobState): number
}

function ratioOf(above: Total, below: Total, state: JobState): number | null {
  const divisor = below.total(state)
  return divisor === 0 ? null : above.total(state) / divisor
}

function compileTotal(
  scope: Scope,
  options: CountOptions,
  amountOf: (event: Event) => number | undefined,
  part = 'total',
): Total & Pick<CompiledFeature, 'steps'> {
  const plus = eventNames(scope, 'of', options.of)
  const minus = eventNames(scope, 'minus', options.minus)
  if (minus !== undefined && (plus === undefined || plus.some(name => minus.includes(name))))
    scope.fail(
      'minus needs an of that names other events',
      "write of: 'Order Completed', minus: 'Order Refunded'",
    )
  const wanted = predicate(scope, options.where)
  const span = windowSpan(scope, options)
  const { add, total } = accumulator(scope, span, part)
  const bound = (events: readonly string[] | undefined, sign: 1 | -1): Bound => ({
    events,
    takesLate: span === undefined,
    step: {
      read: event => (wanted(event) ? amountOf(event) : undefined),
      update: (state, amount, event) => add(state, sign * (amount as number), event),
    },
  })
  return {
    steps: minus === undefined ? [bound(plus, 1)] : [bound(plus, 1), bound(minus, -1)],
    total,
  }
}

/** An amount that adds up, over all time or in a window. */
interface Accumulator {
  add(state: JobState, amount: number, event: Event): void
  total(state: JobState): number
}

function accumulator(scope: Scope, span: WindowSpan | undefined, part: string): Accumulator {
  if (span === undefined) return allTime(scope, part)
  if (span.kind === 'tiles') return inTiles(scope, span, part)
  return keeperOf({ ...scope, cell: (name, place) => scope.cell(`${part} ${name}`, place) }, span, {
    create: () => 0,
    add: plus,
    merge: plus,
    result: total => total,
  })
}

const plus = (left: number, right: number): number => left + right

function allTime(scope: Scope, part: string): Accumulator {
  const at = scope.number(part, 0, plus)
  return {
    add(state, amount) {
      state.numbers[at] = (state.numbers[at] as number) + amount
    },
    total: state => state.numbers[at] as number,
  }
}

/** In a table that all sums of the same window share: flat numbers, the fastest. */
function inTiles(
  scope: Scope,
  window: { readonly everyMs: number; readonly count: number; readonly whole: boolean },
  part: string,
): Accumulator {
  const { table, column } = scope.column(part === 'total' ? 'tiles' : `${part} tiles`, window)
  return {
    add(state, amount, event) {
      const tile = Math.floor(event.timestamp / table.everyMs)
      if (tile < firstTile(table, state.now)) return
      addToTile(state.tables[table.at] as Tiles, table.width, tile, column, amount)
    },
    total: state =>
      sumTiles(
        state.tables[table.at] as Tiles,
        table.width,
        firstTile(table, state.now),
        lastTile(table, state.now),
        column,
      ),
  }
}
