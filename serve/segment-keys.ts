import type { ChangedRow } from './pending-rows.ts'
import { HEAD_BYTES, type RowContent } from './row.ts'

const prefix = 'segment:'
/** `[]}` ends no other list than that of the segments: it is the last part of a row. */
const OPEN_BRACKET = 0x5b

/** Where the disk says that a user is in a segment. Names of segments have no NUL. */
export function memberKey(segment: string, user: string): string {
  return `${prefix}${segment}\0${user}`
}

/** All keys of a segment's members after that user, in order of their bytes. */
export function memberRange(segment: string, after: string | undefined) {
  const start = `${prefix}${segment}\0`
  return {
    ...(after === undefined ? { gte: start } : { gt: start + after }),
    lt: `${prefix}${segment}\x01`,
  }
}

export function userOf(segment: string, key: string): string {
  return key.slice(prefix.length + segment.length + 1)
}

/** The segments that a key entered or left. */
export type SegmentMove = readonly [key: string, segments: readonly string[]]

/** What changed rows do to the index of segments. */
export interface SegmentChanges {
  /** Who is in a segment now, and who not any more, by `memberKey`. */
  readonly members: Map<string, boolean>
  /** Of each key that entered or left one. */
  readonly moves: readonly SegmentMove[]
  /** How many keys more have a row. */
  readonly added: number
}

/** @param before what the disk has of the same keys, in their order */
export function segmentChanges(
  rows: readonly ChangedRow[],
  before: readonly (Buffer | undefined)[],
): SegmentChanges {
  const members = new Map<string, boolean>()
  const moves: SegmentMove[] = []
  let added = 0
  let at = 0
  for (const [key, row] of rows) {
    const old = before[at++]
    added += Number(row !== undefined) - Number(old !== undefined)
    const [were, are] = [segmentsOf(old), segmentsOf(row)]
    if (were.length + are.length === 0) continue
    const left = new Set(were)
    const entered = are.filter(name => !left.delete(name))
    for (const name of entered) members.set(memberKey(name, key), true)
    for (const name of left) members.set(memberKey(name, key), false)
    if (entered.length + left.size > 0) moves.push([key, [...entered, ...left]])
  }
  return { members, moves, added }
}

/** Of an encoded row, whose JSON ends with them; most users are in none, which the third byte from the end says. */
export function segmentsOf(row: Buffer | undefined): readonly string[] {
  if (row === undefined || row[row.length - 3] === OPEN_BRACKET) return []
  const { segments } = JSON.parse(row.toString('utf8', HEAD_BYTES)) as Partial<RowContent>
  return (segments ?? []).filter(isName)
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && !name.includes('\0')
}
