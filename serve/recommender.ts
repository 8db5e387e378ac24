import type { RecommendedProduct, ShownProduct } from '../content/block.ts'
import {
  missingRows,
  type ProductRow,
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
/** Reading ends after so many rounds; `missingRows` needs two. */
const ROUNDS_MAX = 3

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
    const tells = this.#tells
    if (tells === undefined || this.#popular === undefined) return []
    const row = user === undefined ? undefined : await this.#pairs?.find(user)
    const features = row ? contentOf(row).features : ownFeatures
    const categories = await this.#popular.names(now)
    const options: RecommendOptions = { count: Math.min(100, count + SPARE), categories, now }
    const rows = new Map<string, ProductRow | null>()
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const missing = missingRows(features, rows, options)
      if (missing.length === 0) break
      for (const [key, row] of await tells.find(missing)) rows.set(key, row)
    }
    const best = recommend(features, rows, options)
    const shown = await this.shown(best.map(({ product }) => product))
    return best
      .flatMap(({ product, ...why }) => {
        const found = shown.get(product)
        return found === undefined || found.stock === 0 ? [] : [{ ...found, ...why }]
      })
      .slice(0, count)
  }

  /** What the catalogue has of these products, sold out or not. Without a catalogue there are their ids at least. */
  async shown(ids: readonly string[]): Promise<Map<string, ShownProduct>> {
    if (this.#catalogue === undefined) return new Map(ids.map(id => [id, { id, title: id }]))
    const found = await this.#catalogue.find(ids)
    return new Map([...found].flatMap(([id, product]) => (product === null ? [] : [[id, product]])))
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
