import { createHash } from 'node:crypto'

/** What a CDN remembers an answer by, so that it can be told to forget it: no id, since it gets into a CDN's logs. */
export function userTag(user: string): string {
  return `u-${hash(user)}`
}

export function segmentTag(segment: string): string {
  return /^[\w-]{1,64}$/.test(segment) ? `s-${segment}` : `s-${hash(segment)}`
}

/**
 * For a CDN that is told of changes: it may keep the answer for so long, and knows it by its tags; whoever is behind
 * the CDN keeps nothing. Nothing where no CDN is to keep anything.
 */
export function edgeHeaders(
  edgeSeconds: number,
  tags: () => readonly string[],
): Record<string, string> {
  if (edgeSeconds === 0) return {}
  return { 'surrogate-control': `max-age=${edgeSeconds}`, ...tagHeaders(tags()) }
}

/** As Fastly and Varnish read them (`Surrogate-Key`), and as Cloudflare does (`Cache-Tag`). */
function tagHeaders(tags: readonly string[]): Record<string, string> {
  return { 'surrogate-key': tags.join(' '), 'cache-tag': tags.join(',') }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}
