import {
  halfLifeDays,
  type ProductRow,
  purchaseWeight,
  type Recommendation,
  type RecommendOptions,
} from '../../jobs/recommend.ts'

type ProductRows = ReadonlyMap<string, ProductRow | null>
const dayMs = 86_400_000

interface Seed {
  readonly product: string
  readonly because: 'viewed' | 'bought'
  /** The last one counts whole, each one before it four fifths of the next. */
  readonly weight: number
}

const seedFading = 0.8

/** `recommend` as it reads in words: lists and maps of every step, of the rows as they are. */
export function naiveRecommend(
  user: Readonly<Record<string, unknown>> | undefined,
  rows: ProductRows,
  options: RecommendOptions = {},
): Recommendation[] {
  const { count = 10, damping = 0.5, viewed = false, now } = options
  const seeds = seedsOf(user, options)
  const excluded = new Set(idsOf(user?.lastBought))
  if (!viewed) for (const id of idsOf(user?.lastViewed)) excluded.add(id)

  const scored = new Map<string, { score: number; of: Seed; most: number }>()
  for (const seed of seeds)
    for (const [product, affinity] of affinities(seed, rows, now)) {
      if (excluded.has(product) || product === seed.product) continue
      const score = seed.weight * affinity
      const known = scored.get(product)
      if (known === undefined) scored.set(product, { score, of: seed, most: score })
      else {
        known.score += score
        if (score > known.most) Object.assign(known, { of: seed, most: score })
      }
    }
  const best = [...scored]
    .map(([product, { score, of }]): Recommendation => {
      const damped = score / popularityOf(rows.get(product), now) ** damping
      return { product, score: damped, because: of.because, of: of.product }
    })
    .sort(better)
    .slice(0, count)

  for (const { product } of best) excluded.add(product)
  for (const category of categoriesOf(seeds, rows, options))
    for (const [product, score] of weightsOf(rows.get(`category:${category}`), 'popular')) {
      if (best.length === count) return best
      if (excluded.has(product)) continue
      excluded.add(product)
      best.push({ product, score, because: 'popular', of: category })
    }
  return best
}

function seedsOf(
  user: Readonly<Record<string, unknown>> | undefined,
  { seeds = 5 }: RecommendOptions,
): Seed[] {
  const found = (['viewed', 'bought'] as const).flatMap(because =>
    idsOf(because === 'viewed' ? user?.lastViewed : user?.lastBought)
      .slice(0, seeds)
      .map((product, rank) => ({ product, because, weight: seedFading ** rank })),
  )
  // Who has bought a kettle looks for no other kettle, though he has viewed it too.
  const bought = new Set(found.flatMap(one => (one.because === 'bought' ? one.product : [])))
  return found.filter(({ product, because }) => because === 'bought' || !bought.has(product))
}

/** What goes with a product: with one that was viewed also what else was viewed, with one that was bought not. */
function affinities({ product, because }: Seed, rows: ProductRows, now: number | undefined) {
  const row = rows.get(product)
  const found = new Map<string, number>()
  const views = because === 'viewed' ? aged(row, now, halfLifeDays.views) : 0
  if (views > 0) addWeights(found, row, 'coViewed', views)
  addWeights(found, row, 'coPurchased', purchaseWeight * aged(row, now, halfLifeDays.purchases))
  return found
}

function addWeights(
  found: Map<string, number>,
  row: ProductRow | null | undefined,
  list: string,
  times: number,
): void {
  const weights = row?.features[list]
  if (!Array.isArray(weights)) return
  for (const one of weights as ({ value?: unknown; weight?: unknown } | null)[]) {
    const weight = numberOf(one?.weight)
    if (typeof one?.value !== 'string' || !(weight > 0)) continue
    found.set(one.value, (found.get(one.value) ?? 0) + times * weight)
  }
}

/** In views; 1 at least, which also stands for a product that nothing is known of. */
function popularityOf(row: ProductRow | null | undefined, now: number | undefined): number {
  const { views, purchases } = row?.features ?? {}
  const sum =
    numberOf(views) * aged(row, now, halfLifeDays.views) +
    purchaseWeight * numberOf(purchases) * aged(row, now, halfLifeDays.purchases)
  return Math.max(1, sum)
}

function categoriesOf(
  seeds: readonly Seed[],
  rows: ProductRows,
  { categories = [] }: RecommendOptions,
): Set<string> {
  const own = [...seeds].sort((left, right) => right.weight - left.weight)
  const found = own.map(({ product }) => rows.get(product)?.features.category)
  return new Set([
    ...found.filter(one => typeof one === 'string' && one !== ''),
    ...categories,
  ] as string[])
}

/** What is left of a weight of the row's at `now`. */
function aged(row: ProductRow | null | undefined, now: number | undefined, days: number): number {
  if (now === undefined || row?.asOf === undefined) return 1
  return 2 ** (-Math.max(0, now - row.asOf) / (days * dayMs))
}

function weightsOf(row: ProductRow | null | undefined, list: string): [string, number][] {
  const found = row?.features[list]
  if (!Array.isArray(found)) return []
  return found.flatMap((one: { value?: unknown; weight?: unknown } | null) =>
    typeof one?.value === 'string' && numberOf(one.weight) > 0
      ? [[one.value, numberOf(one.weight)] as [string, number]]
      : [],
  )
}

function idsOf(list: unknown): string[] {
  if (!Array.isArray(list)) return []
  const ids = list.map((one: unknown) =>
    typeof one === 'object' && one !== null && 'id' in one ? one.id : one,
  )
  return [...new Set(ids.filter(id => typeof id === 'string' && id !== ''))] as string[]
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

function better(left: Recommendation, right: Recommendation): number {
  return right.score - left.score || (left.product < right.product ? -1 : 1)
}
