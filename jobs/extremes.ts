import { type Aggregate, type AggregateOptions, aggregated } from './aggregate.ts'
import type { Feature, Scope } from './feature.ts'
import type { Plain } from './layout.ts'
import type { Valued } from './selection.ts'
import { numberReader, scalarReader } from './selection.ts'

export interface ExtremeOptions extends AggregateOptions, Valued {}

/** The smallest value of the events, a number. null where there is none. */
export function min(options: ExtremeOptions): Feature {
  return extreme('min', options, (value, known) => value < known)
}

/** The largest value of the events, a number. null where there is none. */
export function max(options: ExtremeOptions): Feature {
  return extreme('max', options, (value, known) => value > known)
}

/**
 * The value of the earliest event, by event time; of those of one moment, of the one processed first. A text
 * (of at most 256 characters), a number or a boolean; null where there is none.
 */
export function firstValue(options: ExtremeOptions): Feature {
  return byTime('firstValue', options, (time, known) => time < known)
}

/**
 * The value of the latest event, by event time; of those of one moment, of the one processed last. A text
 * (of at most 256 characters), a number or a boolean; null where there is none.
 */
export function lastValue(options: ExtremeOptions): Feature {
  return byTime('lastValue', options, (time, known) => time >= known)
}

function extreme(
  kind: string,
  options: ExtremeOptions,
  wins: (value: number, known: number) => boolean,
): Feature {
  const better = (known: number | null, value: number | null): number | null =>
    value !== null && (known === null || wins(value, known)) ? value : known
  const aggregate: Aggregate<number | null, number> = {
    create: () => null,
    add: better,
    merge: better,
    result: value => value,
  }
  const compile = (scope: Scope) => ({ read: numberReader(scope, options), aggregate })
  return aggregated({ kind, options, known: ['value', 'optional'], compile })
}

/** `[]`, or the time and the value. */
type Timed = [] | [time: number, value: Plain]

function byTime(
  kind: string,
  options: ExtremeOptions,
  wins: (time: number, known: number) => boolean,
): Feature {
  const better = (known: Timed, other: Timed): Timed => {
    if (other.length === 0) return known
    return known.length === 0 || wins(other[0], known[0]) ? other : known
  }
  const aggregate: Aggregate<Timed, Plain> = {
    create: () => [],
    add: (known, value, event) => better(known, [event.timestamp, value]),
    merge: better,
    result: known => known[1] ?? null,
  }
  const compile = (scope: Scope) => ({ read: scalarReader(scope, options), aggregate })
  return aggregated({ kind, options, known: ['value', 'optional'], compile })
}
