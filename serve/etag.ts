import type { Version } from './row.ts'

/**
 * A row's entity tag (RFC 9110, 8.8.3). Weak: two answers of one version hold the same row, but not the
 * same `ageMs`.
 */
export function etagOf([offset, revision]: Version): string {
  return `W/"${offset}-${revision}"`
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
