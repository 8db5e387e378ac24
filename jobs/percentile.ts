import { addQuantile, mergeQuantiles, type Quantiles, quantile } from '../state/quantiles.ts'
import { type AggregateOptions, aggregated } from './aggregate.ts'
import type { Feature } from './feature.ts'
import type { Valued } from './selection.ts'
import { numberReader } from './selection.ts'

export interface PercentileOptions extends AggregateOptions, Valued {
  /** 0 to 100: 50 is the median. */
  readonly p: number
}

/**
 * The value below which `p` percent of the values lie, within 1 % of that value (DDSketch; a value nearer to
 * zero than 1e-9 is zero). null where there are none. A user's amounts take some dozens of bytes, 5 KB at most.
 */
export function percentile(options: PercentileOptions): Feature {
  return aggregated<Quantiles, number, PercentileOptions>({
    kind: 'percentile',
    options,
    known: ['value', 'optional', 'p'],
    compile(scope) {
      const { p } = options
      if (typeof p !== 'number' || !(p >= 0 && p <= 100))
        scope.fail(`p is ${p}`, 'write a percentage, 0 to 100: p: 50 is the median')
      return {
        read: numberReader(scope, options),
        aggregate: {
          create: () => [],
          add: (part, value) => addQuantile(part, value),
          merge: mergeQuantiles,
          result: part => quantile(part, p / 100) ?? null,
        },
      }
    },
  })
}
