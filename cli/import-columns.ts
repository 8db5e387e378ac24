import { isTooDeep, putAt } from '../collect/template.ts'
import { UserError } from './user-error.ts'

export type ImportKind = 'profiles' | 'events' | 'products'

export interface ColumnOptions {
  readonly kind: ImportKind
  /** `<header>=<name>` or `<header>=<name>:<type>`; with an empty name the column is left out. */
  readonly columns: readonly string[]
  /** What every row has where its columns say nothing: `type`, `event`. */
  readonly constants: Readonly<Record<string, string>>
}

/** Makes a row for collect of the cells of a CSV; a text is what is wrong with the row. */
export type ToRow = (cells: Readonly<Record<string, unknown>>) => Record<string, unknown> | string

type CellType = 'text' | 'number' | 'boolean' | 'json'

interface Target {
  readonly path: string
  readonly type: CellType
}

const types: readonly string[] = ['text', 'number', 'boolean', 'json']
/** What is the row's own; what else a column may be named is a trait, a property, or of a product its own too. */
const own: Readonly<Record<ImportKind, readonly string[]>> = {
  profiles: ['userId', 'anonymousId', 'timestamp', 'messageId', 'context', 'traits'],
  events: [
    ...['type', 'event', 'userId', 'anonymousId', 'previousId', 'groupId', 'timestamp'],
    ...['messageId', 'context', 'properties', 'traits'],
  ],
  products: [],
}
const rest: Readonly<Record<ImportKind, string>> = {
  profiles: 'traits.',
  events: 'properties.',
  products: '',
}
const usual: Readonly<Record<string, CellType>> = { price: 'number', stock: 'number' }

/**
 * Reads a header: `userId`, `email` (a trait, or a property), `address.city` (nested), `age:number` (its type; text
 * when none is named, `number` for a product's price and stock). Throws a `UserError` for columns that are not there, or
 * that go to one place.
 */
export function rowsOf(header: readonly string[], options: ColumnOptions): ToRow {
  const { kind, columns, constants } = options
  const renamed = new Map(columns.map(column => renamedBy(column)))
  const missing = [...renamed.keys()].find(name => !header.includes(name))
  if (missing !== undefined)
    throw new UserError(
      'unknown_column',
      `the file has no column "${missing}"; its columns are ${header.join(', ').slice(0, 500)}`,
    )
  const targets = header.flatMap((name): [string, Target][] => {
    const target = targetOf(renamed.get(name) ?? name, kind)
    return target === undefined ? [] : [[name, target]]
  })
  const paths = targets.map(([, { path }]) => path)
  const double = paths.find(
    (path, at) => paths.indexOf(path) < at || paths.some(each => each.startsWith(`${path}.`)),
  )
  if (double !== undefined)
    throw new UserError(
      'double_column',
      `two columns are ${double}: name one of them otherwise, or leave it out, with --column "<header>="`,
    )
  return cells => {
    const row: Record<string, unknown> = { ...constants }
    for (const [name, { path, type }] of targets) {
      const cell = cells[name]
      if (typeof cell !== 'string' || cell === '') continue
      const value = read(cell, type)
      if (value === undefined) return `column ${name}: expected a ${type}, found something else`
      putAt(row, path, value)
    }
    return row
  }
}

function renamedBy(column: string): [string, string] {
  const at = column.lastIndexOf('=')
  if (at > 0) return [column.slice(0, at), column.slice(at + 1)]
  throw new UserError(
    'bad_column',
    `--column ${JSON.stringify(column)}: expected <header>=<name> or <header>=<name>:<type>`,
  )
}

function targetOf(named: string, kind: ImportKind): Target | undefined {
  const at = named.lastIndexOf(':')
  const suffix = named.slice(at + 1)
  const isTyped = at >= 0 && types.includes(suffix)
  const name = (isTyped ? named.slice(0, at) : named).trim()
  if (name === '') return undefined
  const [first = ''] = name.split('.')
  const path = own[kind].includes(first) ? name : rest[kind] + name
  const standard = kind === 'products' ? (usual[name] ?? 'text') : 'text'
  return { path, type: isTyped ? (suffix as CellType) : standard }
}

function read(cell: string, type: CellType): unknown {
  if (type === 'text') return cell
  const text = cell.trim()
  if (type === 'boolean')
    return /^(true|yes|1)$/i.test(text) ? true : /^(false|no|0)$/i.test(text) ? false : undefined
  if (type === 'number') {
    const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
    return Number.isFinite(value) ? value : undefined
  }
  try {
    const value: unknown = JSON.parse(text)
    return isTooDeep(value) ? undefined : value
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
