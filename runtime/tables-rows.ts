import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { type CsvError, parse } from 'csv-parse'
import type { AnyRow, Columns, RowsSource, Table } from '../jobs/table.ts'
import type { TableReport } from './tables.ts'

const lineBytesMax = 1024 * 1024
/** So much is parsed between two turns of the event loop. */
const pieceBytes = 256 * 1024
/** So many rows with a key that another one has are named in the warning. */
const doublesNamed = 3

/** Parses a CSV or NDJSON file. */
export async function rowsTable(
  source: RowsSource,
  bytes: Buffer,
  report: TableReport,
): Promise<Table<AnyRow>['get']> {
  const rows = new Rows(source, report)
  if (/\.csv$/i.test(source.file)) await readCsv(bytes, rows, report)
  else await readNdjson(bytes, rows, report)
  rows.end()
  const { byKey } = rows
  return key => byKey.get(typeof key === 'number' ? String(key) : (key as string))
}

/** The rows as they come in: checked, counted, frozen. */
class Rows {
  readonly byKey = new Map<string, AnyRow>()
  readonly #source: RowsSource
  readonly #report: TableReport
  readonly #doubles: string[] = []
  #count = 0
  #doubled = 0

  constructor(source: RowsSource, report: TableReport) {
    this.#source = source
    this.#report = report
  }

  /** A CSV's first line. */
  header(names: readonly string[]): void {
    const { key, columns } = this.#source
    const double = names.find((name, at) => names.indexOf(name) < at)
    if (double !== undefined) this.#report.fail(`two columns are named "${double}"`)
    for (const wanted of [key, ...Object.keys(columns ?? {})]) {
      if (!names.includes(wanted))
        this.#report.fail(`it has no column "${wanted}"; its columns are ${list(names)}`)
    }
  }

  add(raw: AnyRow, line: number): void {
    const { columns, rowsMax } = this.#source
    if (++this.#count > rowsMax)
      this.#report.fail(
        `it has more than ${rowsMax} rows; raise its rowsMax if the memory is there`,
      )
    const key = this.#keyOf(raw, line)
    if (this.byKey.has(key)) this.#double(key, line)
    const row = columns ? this.#typed(raw, columns, line) : raw
    this.byKey.set(key, frozen(row))
  }

  end(): void {
    if (this.#doubled === 0) return
    const more = this.#doubled > doublesNamed ? ', …' : ''
    this.#report.warn(
      `${this.#doubled} rows have a ${this.#source.key} that came before, and the last one counts: ${this.#doubles.join(', ')}${more}`,
    )
  }

  #keyOf(raw: AnyRow, line: number): string {
    const { key } = this.#source
    const found = raw[key]
    if (typeof found === 'string' && found !== '') return found
    if (typeof found === 'number') return String(found)
    return this.#report.fail(
      `line ${line} has no ${key}, which is the key; expected a text or a number`,
    )
  }

  #double(key: string, line: number): void {
    if (this.#doubled++ < doublesNamed)
      this.#doubles.push(`${JSON.stringify(key.slice(0, 50))} in line ${line}`)
  }

  #typed(raw: AnyRow, columns: Columns, line: number): AnyRow {
    const row: Record<string, unknown> = {}
    for (const [name, kind] of Object.entries(columns)) {
      const found = raw[name]
      if (found === undefined || found === null || found === '') continue
      const value = readAs(kind, found)
      if (value === undefined)
        this.#report.fail(
          `line ${line}: expected a ${kind} as ${name}, found ${String(JSON.stringify(found)).slice(0, 80)}`,
        )
      row[name] = value
    }
    return row
  }
}

function readAs(kind: Columns[string], found: unknown): unknown {
  const text = typeof found === 'string' ? found.trim() : found
  if (kind === 'text')
    return typeof found === 'string' || typeof found === 'number' ? String(found) : undefined
  if (kind === 'boolean')
    return /^true$/i.test(String(text)) ? true : /^false$/i.test(String(text)) ? false : undefined
  const isNumber =
    typeof text === 'number' ||
    (typeof text === 'string' && /^[-+]?[\d.]+(e[-+]?\d+)?$/i.test(text))
  const value = isNumber ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : undefined
}

async function readCsv(bytes: Buffer, rows: Rows, report: TableReport): Promise<void> {
  let hasHeader = false
  const parser = parse({
    bom: true,
    skip_empty_lines: true,
    max_record_size: lineBytesMax,
    columns(names: string[]) {
      hasHeader = true
      rows.header(names)
      return names
    },
    on_record(row: AnyRow, { lines }) {
      rows.add(row, lines)
      return null
    },
  })
  try {
    await pipeline(Readable.from(pieces(bytes)), parser, nothing)
  } catch (error) {
    if (!isCsvError(error)) throw error
    report.fail(
      `${error.message.slice(0, 300)}; it is read as CSV (RFC 4180) with commas and a header line`,
    )
  }
  if (!hasHeader) report.fail('it is empty; expected a header line')
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield bytes.subarray(at, at + pieceBytes)
    await turn()
  }
}

/** Every record was taken by `on_record`. */
async function nothing(records: AsyncIterable<unknown>): Promise<void> {
  for await (const record of records) throw new Error(`unexpected ${String(record)}`)
}

function isCsvError(error: unknown): error is CsvError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_')
}

async function readNdjson(bytes: Buffer, rows: Rows, report: TableReport): Promise<void> {
  let line = 0
  let turnAt = pieceBytes
  for (let from = 0; from < bytes.length; ) {
    line++
    if (from >= turnAt) {
      turnAt = from + pieceBytes
      await turn()
    }
    const found = bytes.indexOf(0x0a, from)
    const to = found === -1 ? bytes.length : found
    if (to - from > lineBytesMax) report.fail(`line ${line} has more than ${lineBytesMax} bytes`)
    const text = bytes
      .toString('utf8', from, to)
      .replace(/^\ufeff/, '')
      .trim()
    from = to + 1
    if (text !== '') rows.add(parseLine(text, line, report), line)
  }
}

function parseLine(text: string, line: number, report: TableReport): AnyRow {
  let row: unknown
  try {
    row = JSON.parse(text)
  } catch (error) {
    report.fail(`line ${line} is no JSON: ${(error as Error).message.slice(0, 200)}`)
  }
  if (typeof row !== 'object' || row === null || Array.isArray(row))
    report.fail(`line ${line}: expected an object, found ${text.slice(0, 80)}`)
  return row as AnyRow
}

/** All the way down: a row that a job could change would make its answers depend on what came before. */
function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) frozen(inner)
  return Object.freeze(value)
}

function list(names: readonly string[]): string {
  return names.slice(0, 30).join(', ').slice(0, 500)
}
