import { seededRandom } from '../cli/random.ts'

/** What the benchmark's events are drawn from. The same options give the same events everywhere. */
export interface WorkloadOptions {
  readonly events: number
  readonly users: number
  readonly seed: number
}

/** One event as it is written to the topic: `JSON.stringify` of it is about 350 bytes. */
export interface WorkloadEvent {
  readonly messageId: string
  readonly type: 'track'
  readonly event: 'Product Viewed' | 'Product Added' | 'Order Completed'
  readonly userId: string
  /** ISO 8601, UTC. */
  readonly timestamp: string
  /** Epoch ms at which a probe sent it; absent in throughput runs. */
  readonly sentAt?: number
  readonly properties: {
    readonly product_id: string
    readonly category: string
    readonly price: number
    readonly quantity: number
    readonly currency: string
  }
  readonly context: Readonly<Record<string, unknown>>
}

const firstMs = Date.UTC(2026, 2, 2)
const spacingMs = 250
const products = 5_000
const categories = ['garden', 'kitchen', 'lighting', 'stationery', 'textiles', 'toys']

/**
 * A shop's events in order of time, 250 ms apart: 5/8 are views, 2/8 carts, 1/8 orders. A user's number is
 * the product of two uniform numbers, so a few users have much of the traffic and many have little.
 */
export function* workload({ events, users, seed }: WorkloadOptions): Generator<WorkloadEvent> {
  const random = seededRandom(seed)
  for (let index = 0; index < events; index++) {
    const user = Math.floor(random() * random() * users)
    const kind = Math.floor(random() * 8)
    const product = Math.floor(random() * products)
    const price = (99 + Math.floor(random() * 20_000)) / 100
    const quantity = 1 + Math.floor(random() * 3)
    yield {
      messageId: `${seed.toString(16).padStart(8, '0')}-${index.toString().padStart(10, '0')}`,
      type: 'track',
      event: kind < 5 ? 'Product Viewed' : kind < 7 ? 'Product Added' : 'Order Completed',
      userId: `user-${user}`,
      timestamp: new Date(firstMs + index * spacingMs).toISOString(),
      properties: {
        product_id: `sku-${product}`,
        category: categories[product % categories.length] ?? '',
        price,
        quantity,
        currency: 'EUR',
      },
      context: {
        page: { path: `/p/${product}` },
        consent: { categoryPreferences: { Advertising: true, Analytics: true } },
      },
    }
  }
}
