import type { Expected, ExpectedFeatures } from './oracle.ts'

/** One field of one customer that is not as expected. */
export interface Difference {
  readonly customer: string
  readonly field: string
  readonly expected: unknown
  readonly found: unknown
}

/** Sums of doubles: their order of addition may differ from the oracle's, which adds decimals. */
const money: ReadonlySet<string> = new Set(['revenue', 'revenue30d', 'revenue7d'])
const tolerance = 1e-9

/**
 * Every field of every customer, in both directions: a customer or a field that only one side has is a
 * difference too. Numbers and lists are equal or not; money is equal within 1e-9 of itself (or of 1, where
 * refunds bring it near 0).
 */
export function differences(
  expected: Expected['features'],
  found: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
): Difference[] {
  const list: Difference[] = []
  for (const [customer, features] of expected) {
    const row = found.get(customer)
    if (row === undefined) {
      list.push({ customer, field: 'the whole row', expected: features, found: undefined })
      continue
    }
    for (const field of new Set([...Object.keys(features), ...Object.keys(row)])) {
      const wanted = features[field as keyof ExpectedFeatures]
      if (same(field, wanted, row[field])) continue
      list.push({ customer, field, expected: wanted, found: row[field] })
    }
  }
  for (const [customer, row] of found) {
    if (expected.has(customer)) continue
    list.push({ customer, field: 'the whole row', expected: undefined, found: row })
  }
  return list
}

/** Throws an error that shows the first ten differences, when there are any. */
export function assertSameFeatures(
  expected: Expected['features'],
  found: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
): void {
  if (expected.size === 0) throw new Error('the oracle knows no customer: nothing was compared')
  const list = differences(expected, found)
  if (list.length === 0) return
  const customers = new Set(list.map(({ customer }) => customer)).size
  const lines = list.slice(0, 10).map(describe)
  throw new Error(
    `${list.length} fields of ${customers} customers (of ${expected.size}) differ:\n${lines.join('\n')}`,
  )
}

function describe({ customer, field, expected, found }: Difference): string {
  return `  customer ${customer}, ${field}: expected ${show(expected)}, found ${show(found)}`
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}

function same(field: string, expected: unknown, found: unknown): boolean {
  if (!money.has(field) || typeof expected !== 'number' || typeof found !== 'number')
    return JSON.stringify(expected) === JSON.stringify(found)
  return Math.abs(expected - found) <= tolerance * Math.max(1, Math.abs(expected))
}
