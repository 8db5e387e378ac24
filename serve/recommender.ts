import type { RecommendedProduct, ShownProduct } from '../content/block.ts'
import {
  type ProductRow,
  type Recommendation,
  type RecommendOptions,
  recommend,
} from '../jobs/recommend.ts'
import { ParsedRows } from './parsed-rows.ts'
import { PopularCategories } from './popular-categories.ts'
import { contentOf } from './row.ts'
import type { TopicView } from './topic-view.ts'
import type { Views } from './views.ts'

/** Asked for beyond what is wanted, since some turn out to be sold out or gone from the catalogue. */
const SPARE = 20
/** Reading ends after so many rounds: the products that it begins with, what goes with them, what fills up. */
const READS_MAX = 3
/** Weights decay by half in a month: within a minute nobody sees it, and what is made of a row can be used again. */
const MINUTE_MS = 60_000

/**
 * Joins what the jobs know with the catalogue, at the moment of reading: current price and stock, without what the
 * user has bought, what is sold out and what is not in the catalogue any more.
 */
export class Recommender {
  readonly #pairs: TopicView | undefined
  readonly #tells: ParsedRows<ProductRow> | undefined
  readonly #catalogue: ParsedRows<ShownProduct> | undefined
  readonly #popular: PopularCategories | undefined

  constructor({ products, catalogue, pairs }: Pick<Views, 'products' | 'catalogue' | 'pairs'>) {
    this.#pairs = pairs
    if (products !== undefined) {
      this.#tells = new ParsedRows(products, json => JSON.parse(json) as ProductRow)
      this.#popular = new PopularCategories(products)
    }
    if (catalogue !== undefined) this.#catalogue = new ParsedRows(catalogue, shownProduct)
  }

  /**
   * Best first; filled up with what is popular. By what the job `pairs` tells of the user, else by these features.
   * Empty where the topic of products is not there.
   */
  async recommended(
    user: string | undefined,
    ownFeatures: Readonly<Record<string, unknown>> | undefined,
    count: number,
    now: number,
  ): Promise<RecommendedProduct[]> {
    if (this.#tells === undefined || this.#popular === undefined) return []
    const features = (await this.#featuresOf(user)) ?? ownFeatures
    const categories = await this.#popular.names(now)
    const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS
    const options = { count: Math.min(100, count + SPARE), categories, now: minute }
    return this.#join(await this.#best(this.#tells, features, options), count)
  }

  /** What the catalogue has of these products, sold out or not. Without a catalogue there are their ids at least. */
  async shown(ids: readonly string[]): Promise<Map<string, ShownProduct>> {
    if (this.#catalogue === undefined) return new Map(ids.map(id => [id, { id, title: id }]))
    const shown = new Map<string, ShownProduct>()
    if (ids.length === 0) return shown
    for (const [id, product] of await this.#catalogue.find(ids))
      if (product !== null) shown.set(id, product)
    return shown
  }

  async #featuresOf(user: string | undefined) {
    if (user === undefined || this.#pairs === undefined) return undefined
    const row = this.#pairs.atHand(user) ?? (await this.#pairs.find(user))
    return row && contentOf(row).features
  }

  /** Begins with the rows that are in memory, which are nearly always all, and again with those that it lacked. */
  async #best(
    tells: ParsedRows<ProductRow>,
    features: Readonly<Record<string, unknown>> | undefined,
    options: RecommendOptions,
  ): Promise<Recommendation[]> {
    const read = new Map<string, ProductRow | null>()
    for (let reads = 0; ; reads++) {
      const missing = new Set<string>()
      const get = (key: string) => {
        const known = tells.atHand(key)
        const row = known === undefined ? read.get(key) : known
        if (row === undefined) missing.add(key)
        return row
      }
      const best = recommend(features, { get }, options)
      if (missing.size === 0 || reads === READS_MAX) return best
      for (const [key, row] of await tells.find(missing)) read.set(key, row)
    }
  }

  async #join(best: readonly Recommendation[], count: number): Promise<RecommendedProduct[]> {
    const shown = await this.shown(best.map(({ product }) => product))
    const joined: RecommendedProduct[] = []
    for (const { product, ...why } of best) {
      const found = shown.get(product)
      if (found === undefined || found.stock === 0) continue
      if (joined.push({ ...found, ...why }) === count) break
    }
    return joined
  }
}

/** What the catalogue's row says, as far as it is of the right kind. */
function shownProduct(json: string): ShownProduct {
  const row = JSON.parse(json) as Record<string, unknown>
  const id = String(row.id)
  const text = (name: string) => (typeof row[name] === 'string' ? { [name]: row[name] } : {})
  const amount = (name: string) =>
    typeof row[name] === 'number' && Number.isFinite(row[name]) ? { [name]: row[name] } : {}
  return {
    ...{ id, title: typeof row.title === 'string' ? row.title : id },
    ...{ ...amount('price'), ...text('currency'), ...amount('stock') },
    ...{ ...text('url'), ...text('image'), ...text('category') },
  }
}
