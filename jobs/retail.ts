import {
  count,
  defineJob,
  distinct,
  first,
  firstTime,
  lastDistinct,
  lastTime,
  sum,
} from './define-job.ts'
import type { Event } from './event.ts'

const sales = 'Order Completed'
const salesAndRefunds = ['Order Completed', 'Order Refunded']

/** What a line is worth. A refund's quantity is negative already. */
const amount = ({ properties }: Event) => Number(properties.quantity) * Number(properties.price)

/**
 * A wholesaler's customers from its invoice lines, one event for each: Order Completed, Order Refunded or
 * Adjustment, with `invoice`, `product`, `quantity` (negative in a refund) and `price`. The data is old, so time is the
 * events' alone: `idle: 'hold'`, and windows end at the customer's newest event: `decay: 'event'`.
 */
export default defineJob({
  name: 'retail',
  input: 'events',
  idle: 'hold',
  decay: 'event',
  features: {
    orders: distinct({ of: sales, value: 'invoice', exact: 500 }),
    units: sum({ of: salesAndRefunds, value: 'quantity' }),
    revenue: sum({ of: salesAndRefunds, value: amount }),
    lastProducts: lastDistinct({ of: sales, value: 'product', keep: 10 }),

    lines30d: count({ of: sales, over: '30d', every: '1d' }),
    units30d: sum({ of: salesAndRefunds, value: 'quantity', over: '30d', every: '1d' }),
    revenue30d: sum({ of: salesAndRefunds, value: amount, over: '30d', every: '1d' }),
    revenue7d: sum({ of: salesAndRefunds, value: amount, over: '7d', every: '1h' }),

    firstAt: firstTime({}),
    lastAt: lastTime({}),
  },
  triggers: {
    firstOrder: first({ of: sales }),
  },
})
