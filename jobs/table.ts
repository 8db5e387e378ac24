import type { Event } from './event.ts'
import type { GeoSource } from './geo.ts'
import { JobError } from './job.ts'

/** The rows of one table of a job, by key. */
export interface Table<Row = unknown> {
  /** Changes with the table's content, and only then: it is part of the job's hash. */
  readonly hash: string
  /** `undefined` where the table has no such key. A number means its decimal text. Rows are frozen. */
  get(key: unknown): Row | undefined
}

/** The tables of a job, by the names that the job gives them. */
export type Tables = Readonly<Record<string, Table<AnyRow>>>
export type AnyRow = Readonly<Record<string, unknown>>

/** What a job looks things up in, by the names that the job gives them. */
export type TableSources = Readonly<Record<string, TableSource>>
export type TableSource = RowsSource | GeoSource

/** A file of rows. The runtime reads it when it starts; nothing here does. */
export interface FileSource<Row> {
  /** CSV or NDJSON by its ending, or a MaxMind DB; relative to the job's module. */
  readonly file: string
  /** The most bytes of the file. */
  readonly bytesMax: number
  /** Only a type: what `get` answers. */
  readonly row?: Row
}

export interface RowsSource<Row = unknown> extends FileSource<Row> {
  readonly kind: 'rows'
  /** The column whose value finds the row. */
  readonly key: string
  /** The columns that are kept, with their types; `undefined`: all, as they are in the file. */
  readonly columns: Columns | undefined
  readonly rowsMax: number
}

export type Columns = Readonly<Record<string, 'text' | 'number' | 'boolean'>>

/** The tables' types, for the functions of a job: `(event, { products }: TablesOf<typeof tables>) => …`. */
export type TablesOf<Sources extends TableSources> = {
  readonly [Name in keyof Sources]: Table<NonNullable<Sources[Name]['row']>>
}

/**
 * A pure function of an event and the job's tables: no clock, no randomness, nothing from outside. The second
 * parameter may be annotated with the tables' own types.
 */
export type EventFunction<Answer> = {
  // A method, since only a method's parameter may be narrower than what is declared here.
  call(event: Event, tables: Tables): Answer
}['call']

interface Kinds {
  text: string
  number: number
  boolean: boolean
}

type RowOf<Kept extends Columns> = { readonly [Name in keyof Kept]?: Kinds[Kept[Name]] }

export interface TableOptions<Kept extends Columns = Columns> {
  /** The column whose value finds the row. Of two rows with one key the last one counts. */
  readonly key: string
  /**
   * The columns to keep: `{ category: 'text', price: 'number' }`. An empty or missing value leaves the field
   * out; any other that is not of its type is an error. Left out: all columns, which are texts in a CSV.
   */
  readonly columns?: Kept
  /** 500,000 when left out; at most 5,000,000. */
  readonly rowsMax?: number
  /** Of the file; 64 MiB when left out, at most 256 MiB. Each lane keeps about three times as much in memory. */
  readonly bytesMax?: number
}

const optionNames = ['key', 'columns', 'rowsMax', 'bytesMax']
const mebibyte = 1024 * 1024

/**
 * A static table: a CSV with a header line, or NDJSON with an object a line. It is read when the job starts; a
 * changed file is a changed job, and is taken by a restart.
 *
 *     defineJob({ tables: { products: table('products.csv', { key: 'product_id' }) }, … })
 *
 * @throws JobError with code `bad_definition`
 */
export function table<const Kept extends Columns>(
  file: string,
  options: TableOptions<Kept> & { readonly columns: Kept },
): RowsSource<RowOf<Kept>>
export function table(file: string, options: TableOptions): RowsSource<AnyRow>
export function table(file: string, options: TableOptions): RowsSource {
  const fail = failOf('table', file)
  checkFile(file, /\.(csv|ndjson|jsonl)$/i, 'products.csv or products.ndjson', fail)
  checkOptions(options, optionNames, "table('products.csv', { key: 'product_id' })", fail)
  const { key, columns, rowsMax = 500_000, bytesMax = 64 * mebibyte } = options
  if (typeof key !== 'string' || key === '')
    fail(`key is ${JSON.stringify(key)}`, "write the name of a column: key: 'product_id'")
  if (columns !== undefined) checkColumns(columns, fail)
  checkWhole('rowsMax', rowsMax, 5_000_000, fail)
  checkWhole('bytesMax', bytesMax, 256 * mebibyte, fail)
  return { kind: 'rows', file, key, columns, rowsMax, bytesMax }
}

function checkColumns(columns: unknown, fail: Fail): void {
  const remedy = "write columns: { category: 'text', price: 'number', in_stock: 'boolean' }"
  if (typeof columns !== 'object' || columns === null || Array.isArray(columns))
    fail(`columns is ${JSON.stringify(columns)}`, remedy)
  const kinds = Object.entries(columns)
  if (kinds.length === 0) fail('columns is empty', remedy)
  for (const [name, kind] of kinds) {
    if (!['text', 'number', 'boolean'].includes(kind))
      fail(`column ${JSON.stringify(name)} is ${JSON.stringify(kind)}`, remedy)
  }
}

/** Throws the definition's error: what is wrong, and how to write it. */
export type Fail = (problem: string, remedy: string) => never

export function failOf(word: string, file: unknown): Fail {
  return (problem, remedy) => {
    const shown = String(JSON.stringify(file)).slice(0, 200)
    throw new JobError('bad_definition', `${word} ${shown}: ${problem}; ${remedy}`)
  }
}

export function checkFile(file: unknown, ending: RegExp, example: string, fail: Fail): void {
  if (typeof file !== 'string' || file.length > 1_000 || !ending.test(file))
    fail('that is no such file', `write its name relative to the job's file, such as ${example}`)
}

export function checkOptions(
  options: unknown,
  known: readonly string[],
  example: string,
  fail: Fail,
): void {
  if (typeof options !== 'object' || options === null) fail('it has no options', `write ${example}`)
  for (const name of Object.keys(options))
    if (!known.includes(name))
      fail(`unknown option "${name}"`, `its options are ${known.join(', ')}`)
}

export function checkWhole(option: string, value: unknown, most: number, fail: Fail): void {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > most)
    fail(`${option} is ${JSON.stringify(value)}`, `write a whole number from 1 to ${most}`)
}
