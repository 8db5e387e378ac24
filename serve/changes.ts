import { RecordReader } from '../protocol/record-reader.ts'
import type { Batch } from '../runtime/log.ts'
import { readRow as readFeatures } from './read-row.ts'
import { isOlder, versionOf } from './row.ts'
import type { Change } from './view.ts'

/** What the records of one fetched batch do to the view. */
export interface Changes {
  readonly changes: readonly Change[]
  /** Epoch ms of the first and of the newest record; 0 without records. */
  readonly first: number
  readonly newest: number
  readonly malformed: readonly Malformed[]
}

/** A record as an encoded row, or why it is none. */
export type ReadRow = (
  key: string,
  value: Uint8Array,
  partition: number,
  offset: number,
) => Buffer | string

export interface Malformed {
  readonly offset: number
  readonly reason: string
}

/**
 * Decodes a partition's records from the position on that was asked for: the first batch may begin before it.
 * Only the newest row of a key counts, which need not be the last, or that there is none any more.
 */
export function readChanges(
  { partition, fetched, records }: Batch,
  readRow: ReadRow = readFeatures,
): Changes {
  const changes = new Map<string, Change[1]>()
  const malformed: Malformed[] = []
  let first = 0
  let newest = 0
  const reader = new RecordReader(records)
  while (reader.next()) {
    if (reader.offset < fetched) continue
    const at = Math.max(0, reader.timestamp)
    if (first === 0) first = at
    newest = Math.max(newest, at)
    const key = reader.keyString()
    const value = reader.value()
    if (key === null) {
      malformed.push({ offset: reader.offset, reason: 'it has no key' })
      continue
    }
    const row = value === null ? undefined : readRow(key, value, partition, reader.offset)
    if (typeof row === 'string') malformed.push({ offset: reader.offset, reason: row })
    else if (!isReplaced(changes.get(key), row)) changes.set(key, row)
  }
  return { changes: [...changes], first, newest, malformed }
}

function isReplaced(before: Buffer | undefined, row: Buffer | undefined): boolean {
  return before !== undefined && row !== undefined && isOlder(versionOf(row), versionOf(before))
}
