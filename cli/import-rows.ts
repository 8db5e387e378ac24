import { type CsvError, type Info, parse } from 'csv-parse'
import { isTooDeep } from '../collect/template.ts'
import { openBytes, readLines } from './lines.ts'
import { UserError } from './user-error.ts'

/** A row of a file, or a line that is none. */
export type FileRow = GoodRow | BadRow

export interface GoodRow {
  /** In the file, from 1; where a row takes several lines, the last of them. */
  readonly line: number
  readonly row: Readonly<Record<string, unknown>>
}

export interface BadRow {
  readonly line: number
  readonly fault: string
}

export type FileFormat = 'csv' | 'ndjson'

/** More than any event may have, and less than one request to collect. */
const rowBytesMax = 256 * 1024

/** By its name. Throws a `UserError` where that does not say it. */
export function formatOf(path: string): FileFormat {
  if (/\.(csv|tsv|txt)(\.gz)?$/i.test(path)) return 'csv'
  if (/\.(ndjson|jsonl|json)(\.gz)?$/i.test(path)) return 'ndjson'
  throw new UserError(
    'unknown_format',
    `${path}: its name does not say what it is; expected .csv, .tsv, .ndjson or .jsonl (and .gz behind it), or --format csv or ndjson`,
  )
}

/** The objects of a file of one JSON object a line. Empty lines are passed over. */
export async function* ndjsonRows(path: string): AsyncGenerator<FileRow> {
  for await (const { number: line, text } of readLines(path, rowBytesMax)) {
    const json = line === 1 ? text?.replace(/^\ufeff/, '') : text
    if (json === undefined) yield { line, fault: `it is longer than ${rowBytesMax} bytes` }
    else if (json.trim() !== '') yield { line, ...parseRow(json) }
  }
}

/**
 * The rows of a CSV file (RFC 4180) with a header line, texts by the names in that. Rows with more or fewer cells
 * than the header are bad ones. Rejects with a `UserError` where it cannot be read on: a quote that never closes.
 *
 * @param onHeader is told the names; what it throws ends the reading
 */
export async function* csvRows(
  path: string,
  delimiter: string,
  onHeader: (names: readonly string[]) => void,
): AsyncGenerator<FileRow> {
  // Good and bad in the order of the file: an import goes on after so many of them.
  let parsed: FileRow[] = []
  const parser = parse({
    ...{ bom: true, delimiter, skip_empty_lines: true, skip_records_with_error: true },
    max_record_size: rowBytesMax,
    on_record(row: Record<string, string>, { lines }: Info) {
      parsed.push({ line: lines, row })
      return row
    },
    columns(names: string[]) {
      onHeader(names)
      return names
    },
    on_skip(error) {
      if (error === undefined) return undefined
      if (isOpenQuote(error)) throw error
      parsed.push({ line: lineOf(error), fault: faultOf(error) })
      return undefined
    },
  })
  const bytes = openBytes(path)
  bytes.on('error', error => parser.destroy(error))
  try {
    for await (const _row of bytes.pipe(parser)) {
      const rows = parsed
      parsed = []
      yield* rows
    }
    yield* parsed
  } catch (error) {
    if (!isCsvError(error)) throw error
    throw new UserError('bad_csv', `${path}, line ${lineOf(error)}: ${faultOf(error)}`, error)
  } finally {
    bytes.destroy()
  }
}

function parseRow(json: string): { row: Record<string, unknown> } | { fault: string } {
  try {
    const row: unknown = JSON.parse(json)
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      return { fault: 'it is no JSON object' }
    return isTooDeep(row)
      ? { fault: 'it is nested too deeply' }
      : { row: row as Record<string, unknown> }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { fault: 'it is not JSON' } // its message would quote the line
  }
}

function lineOf(error: CsvError): number {
  return Number(error.lines ?? 0)
}

/** Without what the row holds. */
function faultOf({ code, message, columns, record }: CsvError): string {
  if (
    code === 'CSV_RECORD_INCONSISTENT_COLUMNS' ||
    code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH'
  )
    return `it has ${Array.isArray(record) ? record.length : 'other'} cells, and the header ${Array.isArray(columns) ? columns.length : 'others'}`
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quote opens before this, and never closes'
  if (code === 'CSV_MAX_RECORD_SIZE')
    return `a row is longer than ${rowBytesMax} bytes: does a quote before it never close?`
  return code === 'INVALID_OPENING_QUOTE' || code === 'CSV_INVALID_CLOSING_QUOTE'
    ? 'a quote stands where none may; it is read as RFC 4180 says'
    : `${code} ${message.split(':')[0]}`.slice(0, 100)
}

/** It has swallowed an unknown number of rows. */
function isOpenQuote({ code }: CsvError): boolean {
  return code === 'CSV_QUOTE_NOT_CLOSED' || code === 'CSV_MAX_RECORD_SIZE'
}

function isCsvError(error: unknown): error is CsvError {
  return error instanceof Error && 'code' in error && /^(CSV_|INVALID_)/.test(String(error.code))
}
