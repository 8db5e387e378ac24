import type { Mode } from '../../runtime/task-options.ts'
import { type Expected, type ExpectedRow, rowId } from './expected.ts'
import type { StoredRecord } from './sim-partition.ts'

export interface RowCheck {
  readonly exact: boolean
  /** Only the last rows have a twin. */
  readonly endOnly: boolean
  readonly mode: Mode
  readonly timeless: readonly string[]
}

interface Row extends ExpectedRow {
  readonly key: string
}

/**
 * Versions only grow, each row is one that its key had, and the last one is the last; a key that has none any
 * more has a tombstone. Answers sentences; none when all is well.
 */
export function checkRows(
  records: readonly StoredRecord[],
  expected: Expected,
  { exact, endOnly, mode, timeless }: RowCheck,
): string[] {
  const problems: string[] = []
  const newest = new Map<string, Row>()
  const last = new Map<string, Row>()
  for (const record of records) {
    if (record.value === null) {
      last.delete(String(record.key)) // its next version is larger all the same
      continue
    }
    const row = parseRow(record)
    const before = newest.get(row.key)
    const older = before && compareVersions(row.version, before.version) < 0
    if (older && mode === 'exactly-once')
      problems.push(`row of ${row.key} went from version ${before.version} to ${row.version}`)
    if (!older) {
      newest.set(row.key, row)
      last.set(row.key, row)
    }
    if (endOnly) continue
    const twin = expected.everyRow.get(rowId(row.key, row.version))
    const known = twin ?? expected.everyRow.get(rowId(row.key, [row.version[0], 0]))
    if (!known) problems.push(`${row.key} has a row of version ${row.version}, which it never had`)
    else compare(row, known, `row ${row.version} of ${row.key}`)
  }
  for (const [key, row] of expected.rows) {
    const found = last.get(key)
    if (!found) {
      problems.push(`${key} has no row, expected version ${row.version}`)
      continue
    }
    const same = exact
      ? `${found.version}` === `${row.version}`
      : found.version[0] === row.version[0]
    if (!same) problems.push(`last row of ${key} is ${found.version}, expected ${row.version}`)
    compare(found, row, `last row of ${key}`)
  }
  // Where rows go out early, that of an old owner may come after a tombstone.
  for (const [key, { version }] of mode === 'exactly-once' ? last : [])
    if (!expected.rows.has(key)) problems.push(`${key} has a row, ${version}, expected a tombstone`)
  return problems

  function compare(found: ExpectedRow, twin: ExpectedRow, name: string): void {
    const pick = ({ asOf, features, segments }: ExpectedRow) =>
      exact
        ? JSON.stringify({ asOf, features, segments })
        : JSON.stringify(timeless.map(feature => features[feature]))
    if (pick(found) !== pick(twin)) {
      problems.push(`${name} is ${pick(found)}, expected ${pick(twin)}`)
    }
  }
}

function parseRow({ key, value }: StoredRecord): Row {
  const row = JSON.parse(String(value)) as Row
  if (row.key !== key) throw new Error(`a row of ${row.key} lies under the key ${key}`)
  return row
}

function compareVersions(
  left: readonly [number, number],
  right: readonly [number, number],
): number {
  return left[0] - right[0] || left[1] - right[1]
}
