import type { TopicView } from './topic-view.ts'

/** The most popular categories decide what is shown to somebody of whom nothing is known. */
const CATEGORIES_MAX = 10
/** Of those that there are, so many are looked at. */
const LOOKED_AT_MAX = 500
const KEPT_MS = 10_000

/** Names of the categories with the most views and purchases, read anew every ten seconds at most. */
export class PopularCategories {
  readonly #products: TopicView
  #names: Promise<string[]> = Promise.resolve([])
  #readAt = Number.NEGATIVE_INFINITY

  constructor(products: TopicView) {
    this.#products = products
  }

  names(now: number): Promise<string[]> {
    if (now - this.#readAt < KEPT_MS) return this.#names
    this.#readAt = now
    const before = this.#names
    // One that fails, or takes long, leaves what was known.
    this.#names = this.#read().catch(() => before)
    return this.#names
  }

  async #read(): Promise<string[]> {
    const weights: [name: string, weight: number][] = []
    for (const [key, row] of await this.#products.withPrefix('category:', LOOKED_AT_MAX)) {
      const { features } = JSON.parse(row.json) as { features: { popular?: { weight: number }[] } }
      const popular = Array.isArray(features.popular) ? features.popular : []
      const weight = popular.reduce((sum, one) => sum + (Number(one?.weight) || 0), 0)
      weights.push([key.slice('category:'.length), weight])
    }
    return weights
      .sort(([left, more], [right, less]) => less - more || (left < right ? -1 : 1))
      .slice(0, CATEGORIES_MAX)
      .map(([name]) => name)
  }
}
