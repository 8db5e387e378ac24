import { addDecayed, type Decayed, weightAt } from '../state/decayed.ts'
import { aggregated } from './aggregate.ts'
import type { Feature } from './feature.ts'
import type { Selection, Valued } from './selection.ts'
import { checkOptions, numberReader } from './selection.ts'
import { halfLifeMs } from './top-k.ts'

export interface DecayedCountOptions extends Selection {
  /** After so long an event counts half, after twice as long a quarter. */
  readonly halfLife: string
  /** What an event counts: a path or a function. 1 when left out. */
  readonly value?: Valued['value']
  readonly optional?: boolean
}

/**
 * How many events there were, each counting half of itself for every half-life that it is old: how much, and
 * how lately, in one number. As of the row's `asOf`: it shrinks while nothing happens, and the row says
 * what it was when something last did. 0 for a user who has none.
 */
export function decayedCount(options: DecayedCountOptions): Feature {
  return aggregated<Decayed, number, DecayedCountOptions>({
    kind: 'decayedCount',
    options,
    known: ['value', 'optional', 'halfLife'],
    compile(scope) {
      const { value, optional, halfLife } = options
      checkOptions(scope, options, ['of', 'where', 'value', 'optional', 'halfLife', 'purpose'])
      const ms = halfLifeMs(scope, halfLife)
      if (!Number.isFinite(ms)) scope.fail('it has no halfLife', "write halfLife: '7d'")
      const read =
        value === undefined
          ? () => 1
          : numberReader(scope, { value, ...(optional !== undefined && { optional }) })
      return {
        read,
        aggregate: {
          create: () => [Number.NEGATIVE_INFINITY, 0],
          add: (part, amount, event) => addDecayed(part, amount, event.timestamp, ms),
          merge: (part, [time, amount]) =>
            amount === 0 ? part : addDecayed(part, amount, time, ms),
          result: ([time, amount], now) =>
            amount === 0 ? 0 : weightAt(amount, time, Math.max(now, time), ms),
        },
      }
    },
  })
}
