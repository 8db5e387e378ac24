import { HEAD_BYTES, type RowContent } from './row.ts'

const prefix = 'segment:'
const none = Buffer.from('"segments":[]}')

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

/** Of an encoded row, whose JSON ends with them; most users are in none, which the last bytes say. */
export function segmentsOf(row: Buffer | undefined): readonly string[] {
  if (row === undefined || row.subarray(-none.length).equals(none)) return []
  const { segments } = JSON.parse(row.toString('utf8', HEAD_BYTES)) as Partial<RowContent>
  return (segments ?? []).filter(isName)
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && !name.includes('\0')
}
