import {
  bestHour,
  cart,
  count,
  defineJob,
  engagement,
  first,
  firstTime,
  frequencyCap,
  lastDistinct,
  lastTime,
  rfm,
  rhythm,
  signUp,
  sum,
} from './define-job.ts'
import type { Event } from './event.ts'

/**
 * What an email wants to know about a shop's customer, over Segment's ecommerce events
 * (https://segment.com/docs/connections/spec/ecommerce/v2/), and its email events
 * (https://segment.com/docs/connections/spec/email/). Money is `revenue`, without shipping and tax.
 */
export default defineJob({
  name: 'email',
  input: 'events',
  features: {
    views7d: count({ of: 'Product Viewed', over: '7d', every: '1h' }),
    carts7d: count({ of: 'Product Added', over: '7d', every: '1h' }),
    orders30d: count({ of: 'Order Completed', over: '30d', every: '1d' }),
    spend30d: sum({
      of: 'Order Completed',
      value: 'revenue',
      optional: true,
      over: '30d',
      every: '1d',
    }),

    orders: count({ of: 'Order Completed' }),
    units: sum({ of: 'Order Completed', minus: 'Order Refunded', value: unitsOf }),
    revenue: sum({
      of: 'Order Completed',
      minus: 'Order Refunded',
      value: 'revenue',
      optional: true,
    }),

    lastViewed: lastDistinct({
      of: 'Product Viewed',
      value: 'product_id',
      optional: true,
      keep: 10,
    }),
    firstSeenAt: firstTime({}),
    lastSeenAt: lastTime({}),
    lastOrderAt: lastTime({ of: 'Order Completed' }),

    cart: cart({ optional: true }),
    rfm: rfm({ optional: true }),
    rhythm: rhythm({ daysMax: 240 }),

    engagement: engagement(),
    bestHour: bestHour(),
    emailCap: frequencyCap({ of: 'Email Delivered', max: 3, over: '7d' }),
    newsletter: signUp(),
  },
  triggers: {
    firstOrder: first({ of: 'Order Completed' }),
  },
})

/** Units of all lines of an order or a refund; a line without a quantity is one unit. */
function unitsOf({ properties }: Event): number {
  const lines: unknown = properties.products
  if (!Array.isArray(lines)) return 0
  return lines.reduce((units: number, line) => units + (Number(line?.quantity ?? 1) || 0), 0)
}
