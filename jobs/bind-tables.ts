import { definitionText, shortHash } from './definition-text.ts'
import { JobError } from './job.ts'
import type { AnyRow, Fail, Table, TableSources, Tables } from './table.ts'

const tablesMax = 20

/** Checks a job's `tables` as far as it can be without reading them. */
export function checkTables(given: TableSources | undefined, fail: Fail): TableSources {
  const example = "write tables: { products: table('products.csv', { key: 'product_id' }) }"
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    fail('its tables are no object', example)
  const entries = Object.entries(given)
  if (entries.length > tablesMax)
    fail(`it has ${entries.length} tables`, `${tablesMax} is the most`)
  for (const [name, source] of entries) {
    if (!/^[a-z][a-z0-9_]{0,99}$/i.test(name))
      fail(
        `a table is named ${JSON.stringify(name)}`,
        "write a letter, then letters, digits and '_', at most 100",
      )
    const kind: unknown = source?.kind
    if (kind !== 'rows' && kind !== 'geo') fail(`table "${name}" is no table`, example)
  }
  return given
}

/** By the table's name, then by key. */
export type TableRows = Readonly<Record<string, Readonly<Record<string, AnyRow>>>>

/** Tables without files, for tests. */
export function tablesOf(named: TableRows): Tables {
  const tables = Object.entries(named).map(([name, rows]): [string, Table<AnyRow>] => {
    const byKey = new Map(Object.entries(rows))
    const hash = shortHash(definitionText(rows), 16)
    return [name, { hash, get: key => byKey.get(String(key)) }]
  })
  return Object.fromEntries(tables)
}

/** Stand in for tables that have not been read: whoever looks something up in them is told so. */
export function unreadTables(sources: TableSources): Tables {
  const unread = (name: string): Table<AnyRow> => ({
    hash: '',
    get() {
      throw new JobError(
        'tables_unread',
        `table "${name}" has not been read; give the job its tables first, as job.tables.bind does`,
      )
    },
  })
  return Object.fromEntries(Object.keys(sources).map(name => [name, unread(name)]))
}

/** A job's hash with that of what is in its tables. Throws a `JobError` where one is missing. */
export function hashWithTables(hash: string, sources: TableSources, tables: Tables): string {
  const hashes = Object.keys(sources).map(name => {
    const table = tables[name]
    if (table) return `${name} ${table.hash}`
    throw new JobError('tables_unread', `table "${name}" is missing among the job's tables`)
  })
  return shortHash([hash, ...hashes.sort()].join('\n'), 16)
}
