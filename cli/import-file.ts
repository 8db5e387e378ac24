import { type ImportKind, rowsOf, type ToRow } from './import-columns.ts'
import { csvRows, type FileFormat, type FileRow, formatOf, ndjsonRows } from './import-rows.ts'
import { UserError } from './user-error.ts'

/** How a file is read. */
export interface Reading {
  readonly kind: ImportKind
  /** As `--column`. */
  readonly columns: readonly string[]
  readonly format?: FileFormat
  /** One character, or `tab`. */
  readonly delimiter?: string
  /** Of events without a name. */
  readonly event?: string
}

/**
 * A file's rows as collect takes them. NDJSON is in that shape already: only a name for its events may be missing.
 * Throws a `UserError` where the reading does not fit the file.
 */
export async function* rowsIn(path: string, reading: Reading): AsyncGenerator<FileRow> {
  const { kind, columns, event, format = formatOf(path) } = reading
  if (event !== undefined && kind !== 'events')
    throw new UserError('not_events', `--event names events, and these are ${kind}`)
  const constants =
    kind === 'events' ? { type: 'track', ...(event !== undefined && { event }) } : {}
  if (format === 'ndjson') {
    if (columns.length > 0 || reading.delimiter !== undefined)
      throw new UserError('no_columns', `${path} is NDJSON: it has no columns to name`)
    for await (const each of ndjsonRows(path))
      yield 'row' in each && !('type' in each.row)
        ? { ...each, row: { ...constants, ...each.row } }
        : each
    return
  }
  let toRow: ToRow | undefined
  const onHeader = (header: readonly string[]) => {
    toRow = rowsOf(header, { kind, columns, constants })
  }
  for await (const each of csvRows(path, delimiterOf(path, reading), onHeader)) {
    if ('fault' in each || toRow === undefined) yield each
    else {
      const row = toRow(each.row)
      yield typeof row === 'string' ? { line: each.line, fault: row } : { line: each.line, row }
    }
  }
  if (toRow === undefined)
    throw new UserError(
      'no_header',
      `${path} is empty: expected a line with the names of its columns`,
    )
}

function delimiterOf(path: string, { delimiter }: Reading): string {
  if (delimiter === undefined) return /\.tsv(\.gz)?$/i.test(path) ? '\t' : ','
  const character = delimiter === 'tab' || delimiter === '\\t' ? '\t' : delimiter
  if (character.length === 1 && character !== '"' && !/[\r\n]/.test(character)) return character
  throw new UserError('bad_delimiter', '--delimiter is one character, such as ";", or tab')
}
