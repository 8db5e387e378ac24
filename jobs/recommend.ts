import { halfLifeDays, type ProductRow, purchaseWeight, told } from './product-row.ts'

export { halfLifeDays, type ProductRow, purchaseWeight } from './product-row.ts'

/** By key: a product's id, or `category:<name>`. null: there is none; undefined: it was not read. */
export type ProductRows = Pick<ReadonlyMap<string, ProductRow | null>, 'get'>

export interface RecommendOptions {
  /** How many, 1 to 100; 10 when left out. */
  readonly count?: number
  /** A product's score is divided by its popularity to this power, 0 to 2: 0.5 when left out, 0 damps nothing. */
  readonly damping?: number
  /** How many of the products last viewed, and of those last bought, to begin with, 1 to 50; 5 when left out. */
  readonly seeds?: number
  /** Whether what the user has just viewed may be recommended; not when left out. */
  readonly viewed?: boolean
  /** Categories to fill up with, after those of what was last viewed and bought. */
  readonly categories?: readonly string[]
  /** When it is read, epoch ms: older rows' weights decay up to it. Left out: all rows as they are. */
  readonly now?: number
}

export interface Recommendation {
  readonly product: string
  /** Of two, the better one has the higher; those with `because: 'popular'` are not comparable with others. */
  readonly score: number
  readonly because: 'viewed' | 'bought' | 'popular'
  /** The product last viewed or bought that counts most for it, or the category. */
  readonly of: string
}

interface Seed {
  readonly product: string
  readonly because: 'viewed' | 'bought'
  /** The last one counts whole, each one before it four fifths of the next. */
  readonly weight: number
}

const seedFading = 0.8

/**
 * The best of what others viewed and bought together with what this user last viewed and bought, without what he
 * has bought; filled up with what is popular in those categories. `user` has `lastViewed` and `lastBought`, as
 * the job `pairs` shows them (also as lists of `{ id }`); `rows` those that `missingRows` asked for.
 *
 * A pure function: the same is always recommended in the same order. Equal scores stand in order of the ids.
 */
export function recommend(
  user: Readonly<Record<string, unknown>> | undefined,
  rows: ProductRows,
  options: RecommendOptions = {},
): Recommendation[] {
  const { count = 10, damping = 0.5, viewed = false, now } = options
  if (!Number.isInteger(count) || count < 1 || count > 100)
    throw new RangeError(`recommend: expected a count from 1 to 100, found ${count}`)
  if (!(damping >= 0 && damping <= 2))
    throw new RangeError(`recommend: expected a damping from 0 to 2, found ${damping}`)
  const seeds = seedsOf(user, options)
  const excluded = new Set(idsOf(user?.lastBought))
  if (!viewed) for (const id of idsOf(user?.lastViewed)) excluded.add(id)

  const scored = new Map<string, Scored>()
  for (const seed of seeds) addAffinities(scored, seed, rows, now, excluded)
  const best: Recommendation[] = []
  for (const { product, score, of } of scored.values()) {
    const damped = score / (told(rows.get(product))?.popularity(now, damping) ?? 1)
    // Nearly all are worse than the worst of the best, which is seen without making anything of them.
    const worst = best.length === count ? best[count - 1] : undefined
    if (worst === undefined || damped >= worst.score)
      place(best, { product, score: damped, because: of.because, of: of.product }, count)
  }
  if (best.length === count) return best

  for (const { product } of best) excluded.add(product)
  for (const category of categoriesOf(seeds, rows, options))
    for (const { product, weight } of told(rows.get(`category:${category}`))?.popular ?? []) {
      if (best.length === count) return best
      if (excluded.has(product)) continue
      excluded.add(product)
      best.push({ product, score: weight, because: 'popular', of: category })
    }
  return best
}

interface Scored {
  readonly product: string
  score: number
  /** The one that counts most for it. */
  of: Seed
  most: number
}

/** What goes with a product: with one that was viewed also what else was viewed, with one that was bought not. */
function addAffinities(
  scored: Map<string, Scored>,
  seed: Seed,
  rows: ProductRows,
  now: number | undefined,
  excluded: ReadonlySet<string>,
): void {
  const row = told(rows.get(seed.product))
  if (row === undefined) return
  const viewedTimes = seed.because === 'viewed' ? row.aged(now, halfLifeDays.views) : 0
  const boughtTimes = purchaseWeight * row.aged(now, halfLifeDays.purchases)
  for (const { product, viewed, bought } of row.together) {
    const score = seed.weight * (viewedTimes * viewed + boughtTimes * bought)
    if (!(score > 0) || product === seed.product || excluded.has(product)) continue
    const known = scored.get(product)
    if (known === undefined) scored.set(product, { product, score, of: seed, most: score })
    else {
      known.score += score
      if (score > known.most) {
        known.of = seed
        known.most = score
      }
    }
  }
}

/** Puts it where it belongs among the best, of which there are `count` at most: cheaper than to sort all. */
function place(best: Recommendation[], one: Recommendation, count: number): void {
  let at = best.length
  if (at === count) {
    const last = best[at - 1]
    if (last === undefined || better(one, last) > 0) return
    best.pop()
    at--
  }
  for (; at > 0; at--) {
    const before = best[at - 1]
    if (before === undefined || better(before, one) < 0) break
  }
  best.splice(at, 0, one)
}

/**
 * Keys of the rows that `recommend` still needs: read them, put them into `rows` (null where there is none), and ask
 * again until it needs no more, which is so after the second time: first the products last viewed and bought, then
 * what goes with them, and the categories. At most 2 × `seeds` keys, then 40 for each seed and the categories.
 */
export function missingRows(
  user: Readonly<Record<string, unknown>> | undefined,
  rows: ProductRows,
  options: RecommendOptions = {},
): string[] {
  const seeds = seedsOf(user, options)
  const wanted = new Set(seeds.map(({ product }) => product))
  for (const { product, because } of seeds)
    for (const other of told(rows.get(product))?.together ?? [])
      if (because === 'viewed' || other.bought > 0) wanted.add(other.product)
  for (const category of categoriesOf(seeds, rows, options)) wanted.add(`category:${category}`)
  return [...wanted].filter(key => rows.get(key) === undefined)
}

function seedsOf(
  user: Readonly<Record<string, unknown>> | undefined,
  { seeds = 5 }: RecommendOptions,
): Seed[] {
  if (!Number.isInteger(seeds) || seeds < 1 || seeds > 50)
    throw new RangeError(`recommend: expected seeds from 1 to 50, found ${seeds}`)
  const found = (['viewed', 'bought'] as const).flatMap(because =>
    idsOf(because === 'viewed' ? user?.lastViewed : user?.lastBought)
      .slice(0, seeds)
      .map((product, rank) => ({ product, because, weight: seedFading ** rank })),
  )
  // Who has bought a kettle looks for no other kettle, though he has viewed it too.
  const bought = new Set(found.flatMap(one => (one.because === 'bought' ? one.product : [])))
  return found.filter(({ product, because }) => because === 'bought' || !bought.has(product))
}

function categoriesOf(
  seeds: readonly Seed[],
  rows: ProductRows,
  { categories = [] }: RecommendOptions,
): Set<string> {
  const own = [...seeds].sort((left, right) => right.weight - left.weight)
  const found = own.flatMap(({ product }) => told(rows.get(product))?.category ?? [])
  return new Set([...found, ...categories])
}

function idsOf(list: unknown): string[] {
  if (!Array.isArray(list)) return []
  const ids = list.map((one: unknown) =>
    typeof one === 'object' && one !== null && 'id' in one ? one.id : one,
  )
  return [...new Set(ids.filter(id => typeof id === 'string' && id !== ''))] as string[]
}

function better(left: Recommendation, right: Recommendation): number {
  return right.score - left.score || (left.product < right.product ? -1 : 1)
}
