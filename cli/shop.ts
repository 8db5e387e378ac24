import { seededRandom } from './random.ts'
import { type MailEvent, ShopMail } from './shop-mail.ts'
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
  readonly event:
    | 'Product Viewed'
    | 'Product Added'
    | 'Order Completed'
    | 'Order Refunded'
    | MailEvent['event']
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
/** Orders that may be sent back. */
const ORDERS_MAX = 100
const MAILS = 0.12
const REFUNDED = 0.004
const ZONES = ['Europe/Berlin', 'Europe/London', 'America/New_York', 'Asia/Tokyo']
const DOUBLED = 0.02
const LATE = 0.03
const LATE_MS_LEAST = 60_000
const LATE_MS_MOST = 6 * 3_600_000

/**
 * A made-up shop. Customers view products, put some of them into a cart, order some carts and send some orders back;
 * and they get emails, which they open, or a machine does, and click: of 100 events about 67 are views, 14 carts, 7
 * orders and 12 of emails. About 2 in 100 events come twice with the same message id, as a
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
  readonly #orders: { user: number; path: string; properties: ShopEvent['properties'] }[] = []
  readonly #mail: ShopMail
  #number: number

  constructor({ seed, users = 10_000, first = 0 }: ShopOptions) {
    this.#random = seededRandom(seed ^ Math.imul(first, 0x85ebca6b))
    this.#seed = seed
    this.#users = users
    this.#number = first
    const [random, drawUser] = [this.#random, () => this.#drawUser()]
    this.#mail = new ShopMail({ seed, random, drawUser })
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
    if (this.#chance(MAILS)) return this.#mailed(number, now)
    if (this.#orders.length > 0 && this.#chance(REFUNDED)) return this.#refund(number, now)
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
    const user = this.#drawUser()
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
    const properties = {
      order_id: `order-${this.#seed}-${number}`,
      revenue: cents / 100,
      currency: 'EUR',
      products: visit.cart.map(({ product, quantity }) => ({ ...describe(product), quantity })),
    }
    if (this.#orders.length >= ORDERS_MAX) this.#takeOut(this.#orders)
    this.#orders.push({ user: visit.user, path: visit.path, properties })
    return this.#event('Order Completed', visit, number, now, properties)
  }

  /** All of it is sent back. */
  #refund(number: number, now: number): ShopEvent {
    const order = this.#takeOut(this.#orders)
    return this.#event('Order Refunded', order, number, now, order.properties)
  }

  #mailed(number: number, now: number): ShopEvent {
    const { event, user, properties, context } = this.#mail.next(number)
    return this.#event(event, { user }, number, now, properties, context)
  }

  #event(
    event: ShopEvent['event'],
    { user, path }: { readonly user: number; readonly path?: string },
    number: number,
    now: number,
    properties: ShopEvent['properties'],
    context: ShopEvent['context'] = {},
  ): ShopEvent {
    const lateMs = this.#chance(LATE)
      ? LATE_MS_LEAST + this.#below(LATE_MS_MOST - LATE_MS_LEAST)
      : 0
    const sent = new Date(now).toISOString()
    return {
      messageId: `shop-${this.#seed}-${number}`,
      type: 'track',
      event,
      userId: shopUser(user),
      timestamp: lateMs > 0 ? new Date(now - lateMs).toISOString() : sent,
      sentAt: sent,
      receivedAt: sent,
      properties,
      context: {
        ...(path !== undefined && { page: { path } }),
        timezone: ZONES[user % ZONES.length],
        consent: { categoryPreferences: { Advertising: user % 10 !== 0, Analytics: true } },
        ...context,
      },
    }
  }

  /** The product of two uniform numbers: a few users have much of the traffic, and many have little. */
  #drawUser(): number {
    return Math.floor(this.#random() * this.#random() * this.#users)
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
