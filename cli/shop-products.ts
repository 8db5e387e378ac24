export interface Product {
  readonly id: string
  readonly name: string
  readonly category: string
  readonly cents: number
}

const KINDS: Readonly<Record<string, readonly [name: string, cents: number][]>> = {
  kitchen: [
    ['teapot', 3400],
    ['bread knife', 2800],
    ['salad bowl', 4200],
    ['tea towel', 900],
    ['pepper mill', 3900],
  ],
  garden: [
    ['watering can', 2600],
    ['secateurs', 3100],
    ['bird bath', 5400],
    ['flower pot', 1200],
    ['hammock', 8900],
  ],
  lighting: [
    ['desk lamp', 6900],
    ['lantern', 3300],
    ['string of lights', 1900],
    ['candle', 800],
    ['torch', 2200],
  ],
  stationery: [
    ['notebook', 1100],
    ['fountain pen', 4800],
    ['envelopes', 600],
    ['calendar', 1500],
    ['ruler', 400],
  ],
  textiles: [
    ['blanket', 7900],
    ['cushion', 3200],
    ['rug', 14900],
    ['curtain', 5600],
    ['apron', 2400],
  ],
  toys: [
    ['wooden train', 3600],
    ['puzzle', 1800],
    ['kite', 2700],
    ['yo-yo', 700],
    ['teddy bear', 2900],
  ],
}
const LOOKS = ['blue', 'red', 'green', 'striped', 'small', 'large', 'plain', 'spotted'] as const

/** 240 products. */
export const PRODUCTS: readonly Product[] = Object.entries(KINDS).flatMap(([category, kinds]) =>
  kinds.flatMap(([name, cents]) =>
    LOOKS.map((look, step) => ({
      id: `${look}-${name}`.replaceAll(' ', '-'),
      name: `${look} ${name}`,
      category,
      cents: cents + step * Math.round(cents / 40),
    })),
  ),
)

/** One of them; the first of the list sell best. */
export function drawProduct(random: () => number): Product {
  const product = PRODUCTS[Math.floor(random() * random() * PRODUCTS.length)]
  if (product === undefined) throw new RangeError('random() answers from 0 up to 1')
  return product
}
