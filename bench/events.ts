import { seededRandom } from '../cli/random.ts'
import { zipf } from './zipf.ts'

/** What the benchmark's events are drawn from. The same options give the same events everywhere. */
export interface WorkloadOptions {
  readonly events: number
  readonly users: number
  readonly seed: number
  /** `shop` when left out. */
  readonly shape?: Shape
}

/**
 * `shop`: in order of time, 250 ms apart; a user's number is the product of two uniform numbers, so a few users have
 * much of the traffic and many have little. `month`: users by Zipf's law, over thirty days, one event in three out
 * of order, by up to two hours, and one in a hundred by up to nine days: tiles expire, and some events come too late
 * for any.
 */
export type Shape = 'shop' | 'month'

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
const hourMs = 3_600_000
const monthMs = 30 * 24 * hourMs
const products = 5_000
const categories = ['garden', 'kitchen', 'lighting', 'stationery', 'textiles', 'toys']

/** A shop's events: 5/8 are views, 2/8 carts, 1/8 orders. */
export function* workload(options: WorkloadOptions): Generator<WorkloadEvent> {
  const { events, users, seed, shape = 'shop' } = options
  const random = seededRandom(seed)
  const byRank = shape === 'month' ? zipf(users, random) : undefined
  const drawUser = byRank ?? (() => Math.floor(random() * random() * users))
  for (let index = 0; index < events; index++) {
    const user = drawUser()
    const event = eventOf(index, user, random, seed)
    const delayMs = shape === 'month' ? delay(random) : 0
    if (shape === 'shop') yield event
    else yield { ...event, timestamp: timeAt(index * (monthMs / events) - delayMs) }
  }
}

/** One event of a user, the `index`th of the shop; draws from `random` what it is. */
export function eventOf(
  index: number,
  user: number,
  random: () => number,
  seed = 1,
): WorkloadEvent {
  const kind = Math.floor(random() * 8)
  const product = Math.floor(random() * products)
  const price = (99 + Math.floor(random() * 20_000)) / 100
  const quantity = 1 + Math.floor(random() * 3)
  return {
    messageId: `${seed.toString(16).padStart(8, '0')}-${index.toString().padStart(10, '0')}`,
    type: 'track',
    event: kind < 5 ? 'Product Viewed' : kind < 7 ? 'Product Added' : 'Order Completed',
    userId: `user-${user}`,
    timestamp: timeAt(index * spacingMs),
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

const timeAt = (ms: number): string => new Date(firstMs + Math.floor(ms)).toISOString()

function delay(random: () => number): number {
  const kind = random()
  if (kind < 2 / 3) return 0
  return Math.floor(random() * (kind < 0.99 ? 2 * hourMs : 9 * 24 * hourMs))
}
