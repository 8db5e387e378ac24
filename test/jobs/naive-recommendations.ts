import { halfLifeDays, purchaseWeight } from '../../jobs/recommend.ts'
import { assert } from '../harness.ts'

/** What a customer did, as the jobs `pairs` and `products` look at it. */
export interface ShopStep {
  readonly event: 'Product Viewed' | 'Order Completed'
  readonly userId: string
  readonly messageId: string
  readonly timestamp: number
  /** One that was viewed, or those that were ordered. */
  readonly products: readonly string[]
}

export type CategoryOf = (product: string) => string | undefined

interface Weighing {
  readonly other: string
  readonly time: number
  readonly weight: number
}
type List = 'coViewed' | 'coPurchased' | 'views' | 'purchases' | 'popular'
/** All that ever counted for a key, by feature. */
type Counted = Record<List, Weighing[]>

const keep = 5
const withinMs = 30 * 60_000
const dayMs = 86_400_000

/** What `products` must know, from the list of all that the customers did, in order of processing. */
export class NaiveProducts {
  readonly keys = new Map<string, Counted>()

  constructor(steps: readonly ShopStep[], categoryOf: CategoryOf) {
    for (const user of new Set(steps.map(({ userId }) => userId))) {
      const own = steps.filter(({ userId }) => userId === user)
      const views = own.filter(({ event }) => event === 'Product Viewed')
      this.#views(views)
      this.#viewsInCategories(views, categoryOf)
      for (const order of own.filter(({ event }) => event === 'Order Completed'))
        this.#order(order, categoryOf)
    }
  }

  /** That a row says all of it, and nothing else. */
  compare(key: string, features: Readonly<Record<string, unknown>> | undefined): void {
    const counted = this.keys.get(key) as Counted
    const now = Math.max(...Object.values(counted).flatMap(list => list.map(({ time }) => time)))
    const weightOf = ({ time, weight }: Weighing, days: number) =>
      weight * 0.5 ** ((now - time) / (days * dayMs))
    const total = (list: readonly Weighing[], days: number) =>
      list.reduce((sum, one) => sum + weightOf(one, days), 0)
    for (const [list, days] of [
      ['coViewed', halfLifeDays.views],
      ['coPurchased', halfLifeDays.purchases],
      ['popular', halfLifeDays.views],
    ] as const) {
      const found = features?.[list] as { value: string; weight: number }[]
      const others = new Set(counted[list].map(({ other }) => other))
      assert.equal(new Set(found.map(({ value }) => value)), others, `${list} of ${key}`)
      for (const [at, { value, weight }] of found.entries()) {
        const own = counted[list].filter(({ other }) => other === value)
        near(weight, total(own, days), `${value} in ${list} of ${key}`)
        assert.ok(weight <= (found[at - 1]?.weight ?? Number.POSITIVE_INFINITY), 'heaviest first')
      }
    }
    near(features?.views, total(counted.views, halfLifeDays.views), `views of ${key}`)
    near(
      features?.purchases,
      total(counted.purchases, halfLifeDays.purchases),
      `purchases of ${key}`,
    )
  }

  #views(views: readonly ShopStep[]): void {
    for (const { product, time, others } of newViews(views)) {
      this.#count(product, 'views', '', time)
      for (const other of others) {
        this.#count(product, 'coViewed', other, time)
        this.#count(other, 'coViewed', product, time)
      }
    }
  }

  #viewsInCategories(views: readonly ShopStep[], categoryOf: CategoryOf): void {
    const inCategories = views.filter(({ products: [product = ''] }) => categoryOf(product))
    for (const { product, time } of newViews(inCategories))
      this.#count(`category:${categoryOf(product)}`, 'popular', product, time)
  }

  #order({ products, timestamp }: ShopStep, categoryOf: CategoryOf): void {
    const ordered = [...new Set(products)]
    for (const product of ordered) {
      this.#count(product, 'purchases', '', timestamp)
      const category = categoryOf(product)
      if (category !== undefined)
        this.#count(`category:${category}`, 'popular', product, timestamp, purchaseWeight)
      for (const other of ordered)
        if (other !== product) this.#count(product, 'coPurchased', other, timestamp)
    }
  }

  #count(key: string, list: List, other: string, time: number, weight = 1): void {
    let counted = this.keys.get(key)
    if (counted === undefined) {
      counted = { coViewed: [], coPurchased: [], views: [], purchases: [], popular: [] }
      this.keys.set(key, counted)
    }
    counted[list].push({ other, time, weight })
  }
}

/** The views that are new when they come, each with the products that it is paired with. */
function newViews(views: readonly ShopStep[]) {
  return views.flatMap(({ products: [product = ''], timestamp: time }, at) => {
    const before = views.slice(0, at)
    const newest = Math.max(time, ...before.map(({ timestamp }) => timestamp))
    const latest = new Map<string, number>()
    for (const { products, timestamp } of before)
      latest.set(products[0] ?? '', Math.max(timestamp, latest.get(products[0] ?? '') ?? 0))
    const remembered = [...latest]
      .filter(([, last]) => last >= newest - withinMs)
      .sort(([, left], [, right]) => right - left)
      .slice(0, keep)
    const [, oldest = 0] = remembered[keep - 1] ?? []
    const others = remembered.map(([other]) => other)
    const isNew = !others.includes(product) && time >= newest - withinMs && time >= oldest
    return isNew ? [{ product, time, others }] : []
  })
}

function near(found: unknown, expected: number, what: string): void {
  const isNear = typeof found === 'number' && Math.abs(found - expected) < 1e-5 * (1 + expected)
  assert.ok(isNear, `${what}: expected ${expected}, found ${found}`)
}
