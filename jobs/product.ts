import { inspect } from 'node:util'
import type { Scope } from './feature.ts'
import { JobError } from './job.ts'

/** Where a product stands in an event's properties, or in a line of its `products`: as Segment's ecommerce spec has it. */
export interface ProductFields {
  /** 'product_id' when left out. */
  readonly id?: string
  /** 'name'. Cut after 100 characters. */
  readonly name?: string
  /** 'price', for one of it. */
  readonly price?: string
  /** 'quantity'. */
  readonly quantity?: string
  /** 'url'. Left out when it is longer than 500 characters. */
  readonly url?: string
}

export interface ProductOptions {
  /** What a product's properties are called: { id: 'sku' }; as Segment calls them when left out. */
  readonly fields?: ProductFields
  /** The feature passes over a product without an id; left out, its event goes to `<job>.dead`. */
  readonly optional?: boolean
}

export interface Product {
  readonly id: string
  readonly name: string | null
  readonly price: number | null
  readonly quantity: number | undefined
  readonly url: string | null
}

export type ProductReader = (from: Readonly<Record<string, unknown>>) => Product | undefined

const defaults = {
  ...{ id: 'product_id', name: 'name', price: 'price', quantity: 'quantity', url: 'url' },
}
const idLengthMax = 256
const nameLengthMax = 100
const urlLengthMax = 500
const quantityMax = 1e6
const priceMax = 1e15

/** Answers `undefined` for what is to be passed over; throws a `JobError` for what is no product. */
export function productReader(scope: Scope, options: ProductOptions): ProductReader {
  const { optional, fields: given = {} } = options
  if (optional !== undefined && typeof optional !== 'boolean')
    scope.fail(`optional is ${JSON.stringify(optional)}`, 'write optional: true, or leave it out')
  const isObject = typeof given === 'object' && given !== null
  const names = isObject ? Object.entries(given) : [['fields', given] as const]
  for (const [field, name] of names)
    if (!(field in defaults) || typeof name !== 'string' || name === '')
      scope.fail(
        `fields has ${field}: ${JSON.stringify(name)}`,
        `name properties for ${Object.keys(defaults).join(', ')}: fields: { id: 'sku' }`,
      )
  const fields = { ...defaults, ...given }

  function fault(field: string, wanted: string, found: unknown): JobError {
    const shown =
      found === undefined ? 'nothing' : `${typeof found} ${inspect(found, { depth: 0 })}`
    return new JobError(
      'bad_value',
      `feature "${scope.name}": expected ${wanted} at ${field}; found ${shown.slice(0, 80)}`,
    )
  }

  function number(
    from: Readonly<Record<string, unknown>>,
    field: string,
    least: number,
    most: number,
  ) {
    const found = from[field]
    if (isMissing(found)) return undefined
    if (typeof found === 'number' && found >= least && found <= most) return found
    throw fault(field, `a number from ${least} to ${most}`, found)
  }

  return from => {
    const found = from[fields.id]
    const id = typeof found === 'number' && Number.isFinite(found) ? String(found) : found
    if (isMissing(id) && optional === true) return undefined
    if (typeof id !== 'string' || id === '' || id.length > idLengthMax)
      throw fault(fields.id, `a product's id of at most ${idLengthMax} characters, or a number`, id)
    const [name, url] = [from[fields.name], from[fields.url]]
    return {
      id,
      name: typeof name === 'string' && name !== '' ? name.slice(0, nameLengthMax) : null,
      price: number(from, fields.price, -priceMax, priceMax) ?? null,
      quantity: number(from, fields.quantity, 0, quantityMax),
      url: typeof url === 'string' && url !== '' && url.length <= urlLengthMax ? url : null,
    }
  }
}

/** The products of an event's list. */
export function productsReader(
  scope: Scope,
  read: ProductReader,
  list: string,
): (from: Readonly<Record<string, unknown>>) => Product[] | undefined {
  return from => {
    const found = from[list]
    if (isMissing(found)) return undefined
    if (!Array.isArray(found))
      throw new JobError(
        'bad_value',
        `feature "${scope.name}": expected a list of products at ${list}; found ${typeof found}`,
      )
    return found.flatMap((line: unknown) => {
      if (typeof line === 'object' && line !== null)
        return read(line as Record<string, unknown>) ?? []
      throw new JobError(
        'bad_value',
        `feature "${scope.name}": expected a product in each line of ${list}; found ${typeof line}`,
      )
    })
  }
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}
