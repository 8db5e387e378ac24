import { type BlockInput, type Content, defineBlock, type ShownProduct } from './block.ts'
import { shopFormats } from './format.ts'

const VIEWED_MAX = 6
const LINES_MAX = 10
/** From so many left on a reader is told. */
const LOW_STOCK = 5

/** What is in the cart now, at today's prices. */
const cart = defineBlock({
  name: 'cart',
  features: ['cart'],
  shape: shapeCart,
  fallback: { items: [] },
})

/** What goes with what the reader viewed and bought, two in a row. */
const recommendations = defineBlock({
  name: 'recommendations',
  features: ['lastViewed', 'lastBought'],
  recommended: 4,
  shape: shapeRecommendations,
  fallback: { rows: [] },
})

/** What the reader has looked at last, as far as it is still in the catalogue. */
const viewed = defineBlock({
  name: 'viewed',
  features: ['lastViewed'],
  shape({ features, products }) {
    const items = products(textsOf(features.lastViewed).slice(0, VIEWED_MAX)).map(card)
    return items.length === 0 ? undefined : { hasItems: true, items }
  },
  fallback: { hasItems: false, items: [] },
})

export const blocks = [cart, recommendations, viewed]

function shapeCart({ features, products }: BlockInput): Content | undefined {
  const lines = linesOf(features.cart).slice(0, LINES_MAX)
  if (lines.length === 0) return undefined
  const shown = new Map(products(lines.map(({ id }) => id)).map(product => [product.id, product]))
  let total = 0
  const items = lines.map(({ id, name, price, quantity }) => {
    const product: ShownProduct = shown.get(id) ?? {
      ...{ id, title: name ?? id },
      ...(price !== undefined && { price }),
    }
    total += (product.price ?? 0) * quantity
    const low = product.stock !== undefined && product.stock > 0 && product.stock <= LOW_STOCK
    return { ...card(product), quantity, ...(low && { lowStock: product.stock }) }
  })
  return { items, ...(total > 0 && { total: shopFormats.price(total) }) }
}

function shapeRecommendations({ recommended, products }: BlockInput): Content | undefined {
  const cards = recommended.map(product => {
    const [reason] = product.because === 'popular' ? [] : products([product.of])
    return { ...card(product), ...(reason !== undefined && { because: reason.title }) }
  })
  if (cards.length === 0) return undefined
  const rows = []
  for (let at = 0; at < cards.length; at += 2) {
    const [left, right] = cards.slice(at, at + 2)
    rows.push({ left, ...(right !== undefined && { right }) })
  }
  return { rows }
}

function card({ id, title, price, currency, url, image }: ShownProduct) {
  return {
    ...{ id, title, price: shopFormats.price(price, currency) },
    ...(url !== undefined && { url }),
    ...(image !== undefined && { image }),
  }
}

interface Line {
  readonly id: string
  readonly name: string | undefined
  readonly price: number | undefined
  readonly quantity: number
}

/** Of the feature `cart()`. */
function linesOf(cart: unknown): Line[] {
  const items = typeof cart === 'object' && cart !== null && 'items' in cart ? cart.items : []
  if (!Array.isArray(items)) return []
  return items.flatMap((item: Record<string, unknown> | null) => {
    if (typeof item?.id !== 'string') return []
    const { id, name, price, quantity } = item
    return {
      id,
      name: typeof name === 'string' ? name : undefined,
      price: typeof price === 'number' ? price : undefined,
      quantity: typeof quantity === 'number' ? quantity : 1,
    }
  })
}

function textsOf(list: unknown): string[] {
  return Array.isArray(list) ? list.filter(each => typeof each === 'string') : []
}
