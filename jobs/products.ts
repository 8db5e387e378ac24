import { decayedCount, defineJob, lastValue, topK } from './define-job.ts'
import type { Event } from './event.ts'
import { halfLifeDays, purchaseWeight } from './product-row.ts'

const views = { halfLife: `${halfLifeDays.views}d` }
const purchases = { halfLife: `${halfLifeDays.purchases}d` }
const together = { value: 'with', k: 20, compete: 60, weights: true }

/**
 * What the job `pairs` tells of each product, and of each category under the key `category:<name>`: the two kinds of
 * keys take different events, so that even a product of such a name is right. All weights are as of the row's `asOf`.
 *
 * It drops no repeats: each event of another job comes in exactly once.
 */
export default defineJob({
  name: 'products',
  input: 'product-pairs',
  dedupe: false,
  decay: 'event',
  features: {
    coViewed: topK({ of: 'Viewed Together', ...together, ...views }),
    coPurchased: topK({ of: 'Bought Together', ...together, ...purchases }),
    views: decayedCount({ of: 'Product Seen', ...views }),
    purchases: decayedCount({ of: 'Product Bought', ...purchases }),
    category: lastValue({
      of: ['Product Seen', 'Product Bought'],
      value: 'category',
      optional: true,
    }),
    popular: topK({
      ...{ of: ['Seen in Category', 'Bought in Category'], value: 'product_id', optional: true },
      ...{ k: 20, compete: 60, weights: true, weight: popularity, ...views },
    }),
  },
})

function popularity({ event }: Event): number {
  return event === 'Bought in Category' ? purchaseWeight : 1
}
