import { createHash } from 'node:crypto'
import type { Fields } from './fields.ts'
import type { Version } from './row.ts'

/**
 * A row's entity tag (RFC 9110, 8.8.3), with the fields that an answer has of it: another job's definition writes rows
 * of another version. Weak: two answers of one version hold the same row, but not the same `ageMs`.
 */
export function etagOf([offset, revision]: Version, fields: Fields = undefined): string {
  return `W/"${offset}-${revision}${fields === undefined ? '' : `-${digest(fields)}`}"`
}

function digest(fields: ReadonlySet<string>): string {
  const names = JSON.stringify([...fields].sort())
  return createHash('sha256').update(names).digest('base64url').slice(0, 12)
}

/**
 * Whether an If-None-Match header (RFC 9110, 13.1.2) names the tag: by weak comparison, in which `"1"` and
 * `W/"1"` are equal. `*` names every row that exists. What is no list of tags names nothing.
 */
export function namesTag(header: string, tag: string): boolean {
  if (header.trim() === '*') return true
  const wanted = opaque(tag)
  let position = 0
  while (position < header.length) {
    tagInList.lastIndex = position
    const found = tagInList.exec(header)
    if (found === null) return false
    if (found[1] === wanted) return true
    position = tagInList.lastIndex
  }
  return false
}

/** One tag with the comma before or after it; a tag may hold commas itself, so the list cannot be split at them. */
const tagInList = /[\s,]*(?:W\/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)/y

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag
}
