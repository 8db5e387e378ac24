import { writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { seededRandom } from '../../cli/random.ts'
import { retailColumns } from './lines.ts'

export interface ShopOptions {
  readonly seed: number
  readonly lines: number
  readonly customers: number
}

interface Invoice {
  readonly number: string
  readonly customer: string
  readonly country: string
  linesLeft: number
}

/** Descriptions that a careless reader of CSV, or of UTF-8, trips over. */
const descriptions = [
  'WHITE METAL LANTERN',
  '',
  'SET OF 3, "RETRO" TINS',
  'LUNCH BAG  £1.99 ',
  'ΚΟΥΤΊ 🎁',
]
const firstMs = Date.UTC(2010, 11, 1, 8)
const minuteMs = 60_000
const dayMs = 86_400_000

/**
 * A small shop in the shape of the real data, the same for the same seed: invoices of several customers
 * interleaved, equal lines within an invoice, refunds, adjustments, a quarter of the lines without a customer,
 * and a few customers with most of the lines. It spans 120 days, so that windows lose tiles.
 */
export async function writeShop(path: string, options: ShopOptions): Promise<void> {
  const lines = [retailColumns.join(','), ...shopLines(options)]
  await writeFile(path, gzipSync(`${lines.join('\n')}\n`))
}

function* shopLines({ seed, lines, customers }: ShopOptions): Generator<string> {
  const random = seededRandom(seed)
  const below = (most: number) => Math.floor(random() * most)
  const open: Invoice[] = []
  let invoices = 536_365
  let previous: string | undefined

  const openInvoice = (): Invoice => {
    const prefix = random() < 0.1 ? 'C' : random() < 0.02 ? 'A' : ''
    const missing = random() < 0.25
    const customer = missing ? '' : `${12_346 + Math.floor(random() * random() * customers)}.0`
    invoices += 1
    const country = customer.endsWith('5.0') ? 'EIRE' : 'United Kingdom'
    return { number: `${prefix}${invoices}`, customer, country, linesLeft: 1 + below(12) }
  }

  for (let line = 0; line < lines; line++) {
    if (open.length < 4) open.push(openInvoice())
    const at = below(open.length)
    const invoice = open[at] as Invoice
    invoice.linesLeft -= 1
    if (invoice.linesLeft === 0) open.splice(at, 1)

    const ms = firstMs + Math.floor((line / lines) * 120 * dayMs)
    const date = new Date(ms - (ms % minuteMs)).toISOString().slice(0, 19).replace('T', ' ')
    const sign = invoice.number.startsWith('C') ? -1 : 1
    const product = below(40)
    const fresh = [
      invoice.number,
      `${20_000 + product}${product % 3 === 0 ? 'A' : ''}`,
      quoted(descriptions[product % descriptions.length] ?? ''),
      sign * (1 + below(24)),
      date,
      product === 7 ? '0' : (below(5_000) / (product === 9 ? 1000 : 100)).toString(),
      invoice.customer,
      invoice.country,
    ].join(',')
    const text = previous?.startsWith(`${invoice.number},`) && random() < 0.2 ? previous : fresh
    previous = text
    yield text
  }
}

function quoted(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
