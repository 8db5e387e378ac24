import type { TopicView } from './topic-view.ts'

/** The most popular categories decide what is shown to somebody of whom nothing is known. */
const CATEGORIES_MAX = 10
/** Of those that there are, so many are looked at. */
const LOOKED_AT_MAX = 500
const KEPT_MS = 10_000

/** Names of the categories with the most views and purchases, read anew every ten seconds at most. */
export class PopularCategories {
  readonly #products: TopicView
  #names: string[] | Promise<string[]> = []
  #readAt = Number.NEGATIVE_INFINITY

  constructor(products: TopicView) {
    this.#products = products
  }

  names(now: number): string[] | Promise<string[]> {
    if (now - this.#readAt < KEPT_MS) return this.#names
    const isFirst = this.#readAt === Number.NEGATIVE_INFINITY
    this.#readAt = now
    const before = this.#names
    // One that fails leaves what was known.
    const reading = this.#read().catch(() => before)
    void reading.then(names => {
      this.#names = names
    })
    // Nobody waits for it but those who come first.
    if (isFirst) this.#names = reading
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
