import type { Feature } from './feature.ts'
import type { JobState } from './layout.ts'
import { money } from './money.ts'
import { type OrderOptions, orderOptions, orderSteps } from './orders.ts'
import { checkOptions } from './selection.ts'

export interface LifetimeValueOptions extends OrderOptions {}

/**
 * What the user has spent to date, refunds subtracted: a number, rounded to a millionth; 0 for a user who has no
 * order. Amounts are added as they are, whatever their currency: where there are several, give a function as
 * `value` that makes them one. 14 bytes.
 */
export function lifetimeValue(options: LifetimeValueOptions = {}): Feature {
  return {
    role: 'feature',
    kind: 'lifetimeValue',
    options,
    compile(scope) {
      checkOptions(scope, options, orderOptions)
      const at = scope.number('total', 0, (own, earlier) => money(own + earlier))
      const add = (state: JobState, amount: number) => {
        state.numbers[at] = money((state.numbers[at] as number) + amount)
      }
      return {
        steps: orderSteps(scope, options, add, (state, amount) => add(state, -amount)),
        show: state => state.numbers[at],
      }
    },
  }
}
