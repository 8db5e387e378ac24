import type { WorkloadEvent } from './events.ts'

/** The features of one user, as the workload of bench/peers/README.md defines them. */
export interface UserFeatures {
  readonly user: string
  readonly views7d: number
  readonly purchases7d: number
  readonly spend7d: number
  readonly count: number
  /** Greatest event time, epoch ms. */
  readonly lastTs: number
  /** Distinct product ids, most recently viewed first. */
  readonly last10: readonly string[]
}

const hourMs = 3_600_000
const windowHours = 7 * 24

/** Every user's features, recomputed from all of its events: slow, and plain enough to be believed. */
export function naiveFeatures(events: Iterable<WorkloadEvent>): UserFeatures[] {
  const byUser = new Map<string, WorkloadEvent[]>()
  for (const event of events) {
    const known = byUser.get(event.userId)
    if (known === undefined) byUser.set(event.userId, [event])
    else known.push(event)
  }
  return [...byUser].map(([user, own]) => featuresOf(user, own))
}

function featuresOf(user: string, events: readonly WorkloadEvent[]): UserFeatures {
  const hour = (event: WorkloadEvent) => Math.floor(Date.parse(event.timestamp) / hourMs)
  const newestHour = events.reduce((newest, event) => Math.max(newest, hour(event)), -Infinity)
  const recent = events.filter(event => hour(event) > newestHour - windowHours)
  const orders = recent.filter(event => event.event === 'Order Completed')
  const viewed = events.filter(event => event.event === 'Product Viewed')
  const products = viewed.map(event => event.properties.product_id).reverse()
  return {
    user,
    views7d: recent.filter(event => event.event === 'Product Viewed').length,
    purchases7d: orders.length,
    spend7d: orders.reduce(
      (sum, { properties }) => sum + properties.price * properties.quantity,
      0,
    ),
    count: events.length,
    lastTs: events.reduce((newest, event) => Math.max(newest, Date.parse(event.timestamp)), 0),
    last10: [...new Set(products)].slice(0, 10),
  }
}
