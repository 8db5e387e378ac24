import { defineJob, lastDistinct, pairs, process, rekey } from './define-job.ts'
import type { Event } from './event.ts'

const to = 'product-pairs'
const [viewed, ordered] = ['Product Viewed', 'Order Completed']
const viewedOnce = { within: '30m', value: 'product_id', keep: 5, optional: true }
const lines = { of: ordered, list: 'products', value: 'product_id', optional: true }
const keptBought = 50

/**
 * What the customers of a shop view and buy together, for the job `products`, and what each of them has viewed and
 * bought, for `recommend`. A job of its own: without identity, since what comes to a user from his anonymous visits
 * could not be sent on, and what goes wrong in it touches no other feature.
 *
 * A view sends at most 12 events (5 pairs of two, to its product, to its category), an order at most 420.
 */
export default defineJob({
  name: 'pairs',
  input: 'events',
  features: {
    viewedTogether: pairs({ of: viewed, ...viewedOnce, to }),
    boughtTogether: pairs({ ...lines, to }),
    viewOfProduct: rekey({
      ...{ of: viewed, ...viewedOnce, to },
      ...{ key: 'product_id', as: 'Product Seen', carry: ['category'] },
    }),
    viewOfCategory: rekey({
      ...{ of: viewed, ...viewedOnce, to },
      ...{ key: categoryKey, as: 'Seen in Category', carry: ['product_id'] },
    }),
    purchaseOfProduct: rekey({
      ...{ ...lines, to },
      ...{ key: 'product_id', as: 'Product Bought', carry: ['category'] },
    }),
    purchaseOfCategory: rekey({
      ...{ ...lines, to },
      ...{ key: categoryKey, as: 'Bought in Category', carry: ['product_id'] },
    }),
    lastViewed: lastDistinct({ of: viewed, value: 'product_id', optional: true, keep: 10 }),
    lastBought: process<string[]>({
      of: ordered,
      create: () => [],
      on(bought, event) {
        for (const product of productsOf(event)) put(bought, product)
      },
      value: bought => bought,
      merge(bought, before) {
        for (const product of before) if (!bought.includes(product)) bought.push(product)
        bought.length = Math.min(bought.length, keptBought)
      },
    }),
  },
})

function categoryKey({ properties: { category } }: Event): string | undefined {
  return typeof category === 'string' && category !== '' ? `category:${category}` : undefined
}

function productsOf({ properties: { products } }: Event): string[] {
  if (!Array.isArray(products)) return []
  return products
    .map((line): unknown => line?.product_id)
    .filter(
      id => (typeof id === 'string' && id !== '' && id.length <= 256) || typeof id === 'number',
    )
    .map(String)
}

function put(bought: string[], product: string): void {
  const known = bought.indexOf(product)
  if (known >= 0) bought.splice(known, 1)
  bought.unshift(product)
  bought.length = Math.min(bought.length, keptBought)
}
