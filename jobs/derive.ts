import type { Feature } from './feature.ts'
import type { FeatureValues } from './job.ts'
import { shown } from './shown.ts'

export interface DeriveOptions {
  /** Names of features that stand before this one in the job. */
  readonly from: string | readonly string[]
  /**
   * Makes the value from theirs, in the same order. Pure. `undefined` leaves the field out; a number that is
   * none becomes null. What it throws sends the event to `<job>.dead`, and nothing changes.
   */
  readonly value: (...values: FeatureValues[string][]) => unknown
}

/** A value made from other features, such as what a user spends per order. It keeps nothing itself. */
export function derive(options: DeriveOptions): Feature {
  return {
    role: 'feature',
    kind: 'derive',
    options,
    compile(scope) {
      const from = typeof options.from === 'string' ? [options.from] : options.from
      for (const option of Object.keys(options))
        if (option !== 'from' && option !== 'value')
          scope.fail(`unknown option "${option}"`, 'its options are from and value')
      if (!Array.isArray(from) || from.length === 0)
        scope.fail(
          `from is ${JSON.stringify(from)}`,
          "write the features: from: ['spend', 'orders']",
        )
      for (const name of from)
        if (!scope.before.includes(name))
          scope.fail(
            `there is no feature ${JSON.stringify(name)} before it`,
            `choose among ${scope.before.join(', ') || 'those that you write above it'}`,
          )
      if (typeof options.value !== 'function')
        scope.fail('its value is no function', 'write value: (spend, orders) => spend / orders')

      const { show, watch } = shown(scope, (_state, before) =>
        options.value(...from.map(name => before[name])),
      )
      return { show, showsOthers: true, watch }
    },
  }
}
