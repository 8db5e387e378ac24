import { seededRandom } from './random.ts'
import { drawProduct, type Product } from './shop-products.ts'

export interface ShopOptions {
  readonly seed: number
  /** How many customers there are; a few of them come often. 10,000 when left out. */
  readonly users?: number
  /** Number of the first event. A shop that goes on after an earlier one takes up where that one ended. */
  readonly first?: number
}

/** One event as it is written to the topic, in Segment's shape. Times are ISO 8601. */
export interface ShopEvent {
  readonly messageId: string
  readonly type: 'track'
  readonly event: 'Product Viewed' | 'Product Added' | 'Order Completed'
  readonly userId: string
  readonly timestamp: string
  readonly sentAt: string
  readonly receivedAt: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
}

interface Visit {
  readonly user: number
  readonly path: string
  product: Product
  readonly cart: { product: Product; quantity: number }[]
}

/** Visits at once. When all are taken, one of them ends without an order. */
const VISITS_MAX = 400
/** Repeats that wait for their turn; a repeat comes at most this many events after its first. */
const REPEATS_MAX = 60
const DOUBLED = 0.02
const LATE = 0.03
const LATE_MS_LEAST = 60_000
const LATE_MS_MOST = 6 * 3_600_000

/**
 * A made-up shop. Customers view products, put some of them into a cart and order some carts: of 100 events
 * about 76 are views, 16 carts and 8 orders. About 2 in 100 events come twice with the same message id, as a
 * retrying sender has it, and about 3 in 100 happened minutes to hours before, as an app that was offline has it.
 *
 * The same options and the same times give the same events.
 */
export class Shop {
  readonly #random: () => number
  readonly #seed: number
  readonly #users: number
  readonly #visits: Visit[] = []
  readonly #repeats: ShopEvent[] = []
  #number: number

  constructor({ seed, users = 10_000, first = 0 }: ShopOptions) {
    this.#random = seededRandom(seed ^ Math.imul(first, 0x85ebca6b))
    this.#seed = seed
    this.#users = users
    this.#number = first
  }

  /** What happens at `now`, epoch ms. */
  next(now: number): ShopEvent {
    const number = this.#number++
    if (this.#repeats.length > 0 && this.#chance(this.#repeats.length / REPEATS_MAX)) {
      return this.#takeOut(this.#repeats)
    }
    const event = this.#draw(number, now)
    if (this.#repeats.length < REPEATS_MAX && this.#chance(DOUBLED)) this.#repeats.push(event)
    return event
  }

  #draw(number: number, now: number): ShopEvent {
    if (this.#visits.length < VISITS_MAX / 2 || this.#chance(0.22)) return this.#begin(number, now)
    const visit = this.#visits[this.#below(this.#visits.length)]
    if (visit === undefined) return this.#begin(number, now)
    if (visit.cart.length > 0 && this.#chance(0.28)) return this.#order(visit, number, now)
    if (this.#chance(0.23)) return this.#add(visit, number, now)
    if (this.#chance(0.25)) this.#leave(visit)
    visit.product = drawProduct(this.#random)
    return this.#view(visit, number, now)
  }

  #begin(number: number, now: number): ShopEvent {
    if (this.#visits.length >= VISITS_MAX) this.#takeOut(this.#visits)
    // The product of two uniform numbers: a few users have much of the traffic, and many have little.
    const user = Math.floor(this.#random() * this.#random() * this.#users)
    const path = ['/', '/new', '/sale', '/newsletter'][this.#below(4)] ?? '/'
    const visit = { user, path, product: drawProduct(this.#random), cart: [] }
    this.#visits.push(visit)
    return this.#view(visit, number, now)
  }

  #view(visit: Visit, number: number, now: number): ShopEvent {
    return this.#event('Product Viewed', visit, number, now, describe(visit.product))
  }

  #add(visit: Visit, number: number, now: number): ShopEvent {
    const quantity = 1 + this.#below(3)
    visit.cart.push({ product: visit.product, quantity })
    return this.#event('Product Added', visit, number, now, {
      ...describe(visit.product),
      quantity,
    })
  }

  #order(visit: Visit, number: number, now: number): ShopEvent {
    this.#leave(visit)
    const cents = visit.cart.reduce(
      (sum, { product, quantity }) => sum + product.cents * quantity,
      0,
    )
    return this.#event('Order Completed', visit, number, now, {
      order_id: `order-${this.#seed}-${number}`,
      revenue: cents / 100,
      currency: 'EUR',
      products: visit.cart.map(({ product, quantity }) => ({ ...describe(product), quantity })),
    })
  }

  #event(
    event: ShopEvent['event'],
    visit: Visit,
    number: number,
    now: number,
    properties: ShopEvent['properties'],
  ): ShopEvent {
    const lateMs = this.#chance(LATE)
      ? LATE_MS_LEAST + this.#below(LATE_MS_MOST - LATE_MS_LEAST)
      : 0
    const sent = new Date(now).toISOString()
    return {
      messageId: `shop-${this.#seed}-${number}`,
      type: 'track',
      event,
      userId: shopUser(visit.user),
      timestamp: lateMs > 0 ? new Date(now - lateMs).toISOString() : sent,
      sentAt: sent,
      receivedAt: sent,
      properties,
      context: {
        page: { path: visit.path },
        consent: { categoryPreferences: { Advertising: visit.user % 10 !== 0, Analytics: true } },
      },
    }
  }

  #leave(visit: Visit): void {
    const at = this.#visits.indexOf(visit)
    if (at >= 0) this.#visits.splice(at, 1)
  }

  /** Removes one at random. The list is never empty here. */
  #takeOut<Item>(list: Item[]): Item {
    const [taken] = list.splice(this.#below(list.length), 1)
    if (taken === undefined) throw new RangeError('nothing to take out')
    return taken
  }

  #chance(probability: number): boolean {
    return this.#random() < probability
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count)
  }
}

/** The user id of the shop's customer `number`; number 0 comes most often. */
export function shopUser(number: number): string {
  return `user-${number}`
}

function describe(product: Product): Readonly<Record<string, unknown>> {
  return {
    product_id: product.id,
    name: product.name,
    category: product.category,
    price: product.cents / 100,
    currency: 'EUR',
  }
}
