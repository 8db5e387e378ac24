import { schemaCompiler } from '../jobs/json-schema.ts'
import { isObject } from './fault.ts'
import type { RejectedRow } from './listed.ts'
import { faultOfShape } from './shape.ts'

/**
 * A product of the catalogue: the value of a record of the topic `products`, as JSON, under the product's id as key.
 * Beside these it may have members of its own. A later row replaces an earlier one whole.
 */
export interface ProductRow {
  readonly id: string
  readonly title?: string
  /** In `currency`, as decimal: 34.5. */
  readonly price?: number
  /** ISO 4217: `EUR`. */
  readonly currency?: string
  /** How many there are. */
  readonly stock?: number
  /** Of its page and its picture: http or https. */
  readonly url?: string
  readonly image?: string
  readonly category?: string
  readonly brand?: string
  readonly description?: string
  /** When collect took it, epoch ms. */
  readonly updatedAt: number
  readonly [own: string]: unknown
}

export const productIdCharsMax = 512
const rowBytesMax = 32 * 1024

/** Pictures and pages end up in emails: nothing but http may be in there. */
const webAddress = { type: 'string', maxLength: 2_048, pattern: '^https?://[^\\s"\'<>]+$' }
const schema = {
  type: 'object',
  required: ['id'],
  properties: {
    id: { type: 'string', minLength: 1, maxLength: productIdCharsMax },
    title: { type: 'string', maxLength: 1_024 },
    price: { type: 'number', minimum: 0, maximum: 1e12 },
    currency: { type: 'string', pattern: '^[A-Z]{3}$' },
    stock: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    url: webAddress,
    image: webAddress,
    category: { type: 'string', maxLength: 1_024 },
    brand: { type: 'string', maxLength: 1_024 },
    description: { type: 'string', maxLength: 16_384 },
  },
  maxProperties: 100,
}

/** Makes the check of rows: the row as it is kept, or why it is not. */
export function productReader(): (
  row: unknown,
  receivedAt: number,
) => ReadProduct | Omit<RejectedRow, 'index'> {
  const check = schemaCompiler({ strict: true })(schema)
  return (given, receivedAt) => {
    const row = withTextId(given)
    const fault = isObject(row) ? faultOfShape(row) : undefined
    if (fault !== undefined) return fault
    const mismatch = check(row)
    if (mismatch !== undefined)
      return { code: 'bad_product', path: dotted(mismatch.path), reason: mismatch.expected }
    const { id, ...rest } = row as { id: string }
    if (id.charCodeAt(0) === 0 || id.includes('\ufffd'))
      return { code: 'bad_product', path: 'id', reason: 'must be proper text' }
    const value = Buffer.from(JSON.stringify({ id, ...rest, updatedAt: receivedAt }))
    if (value.length <= rowBytesMax) return { id, value }
    const reason = `a product has at most ${rowBytesMax} bytes as JSON, this one ${value.length}`
    return { code: 'too_large', path: '', reason }
  }
}

export interface ReadProduct {
  readonly id: string
  readonly value: Buffer
}

/** Shops number their products: 17 is "17". */
function withTextId(row: unknown): unknown {
  return isObject(row) && Number.isSafeInteger(row.id) ? { ...row, id: String(row.id) } : row
}

function dotted(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.')
}
