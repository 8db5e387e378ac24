import type { Bound, Scope } from './feature.ts'
import type { JobState } from './layout.ts'
import { eventNames, numberReader, predicate, type Selection, type Valued } from './selection.ts'

/** Orders and refunds, and what they come to. */
export interface OrderOptions extends Pick<Selection, 'where' | 'purpose'> {
  /** 'Order Completed' when left out. */
  readonly of?: string | readonly string[]
  /** 'Order Refunded' when left out. `false`: none. */
  readonly refund?: string | readonly string[] | false
  /** What an order comes to, a path or a function; 'revenue' when left out. Whatever the currency. */
  readonly value?: Valued['value']
  /** What a refund comes to, whatever its sign; as `value` when left out. */
  readonly refundValue?: Valued['value']
  /** An order or a refund without a value comes to 0; left out, its event goes to `<job>.dead`. */
  readonly optional?: boolean
}

export const orderOptions = ['of', 'refund', 'value', 'refundValue', 'optional', 'where', 'purpose']

/** Each also for late events: what is known of a user's money is of all time. */
export function orderSteps(
  scope: Scope,
  options: OrderOptions,
  ordered: (state: JobState, amount: number, time: number) => void,
  refunded: (state: JobState, amount: number, time: number) => void,
): Bound[] {
  const of = eventNames(scope, 'of', options.of ?? 'Order Completed') ?? []
  const { refund = 'Order Refunded', value = 'revenue', refundValue = value, optional } = options
  const refunds = refund === false ? [] : (eventNames(scope, 'refund', refund) ?? [])
  if (refunds.some(name => of.includes(name)))
    scope.fail('an order is a refund too', "write of: 'Order Completed', refund: 'Order Refunded'")
  const wanted = predicate(scope, options.where)
  const bound = (events: readonly string[], from: Valued['value'], does: typeof ordered): Bound => {
    const read = numberReader(scope, { value: from, ...(optional !== undefined && { optional }) })
    return {
      events,
      takesLate: true,
      step: {
        read: event => (wanted(event) ? (read(event) ?? 0) : undefined),
        update: (state, amount, event) => does(state, amount as number, event.timestamp),
      },
    }
  }
  const steps = [bound(of, value, ordered)]
  if (refunds.length > 0)
    steps.push(
      bound(refunds, refundValue, (state, amount, time) => refunded(state, Math.abs(amount), time)),
    )
  return steps
}
