import { createHash } from 'node:crypto'
import type { Action, Key } from './keys.ts'

type Claims = Readonly<Record<string, unknown>>

const SCOPES_MAX = 1_000
const FIELD = 'fields:'
const NAME = /^[\w.@-]{1,64}$/

/**
 * What the scopes of a token allow (`scope`, RFC 9068, or `scp`, as some issuers name it): `admin`; `features:read`,
 * and with it `fields:<name>` for each feature that may be read, all where there is none. Others are of other services;
 * without one of ours there is no action.
 */
export function scopesOf(claims: Claims): Pick<Key, 'fields'> & {
  readonly action: Action | undefined
  /** The same text for the same scopes. */
  readonly text: string
} {
  const sent = claims.scope ?? claims.scp
  const list = typeof sent === 'string' ? sent.split(' ') : Array.isArray(sent) ? sent : []
  const scopes = list.filter(each => typeof each === 'string').slice(0, SCOPES_MAX)
  const text = [...scopes].sort().join(' ')
  if (scopes.includes('admin')) return { action: 'admin', text }
  if (!scopes.includes('features:read')) return { action: undefined, text }
  const fields = scopes.filter(each => each.startsWith(FIELD)).map(each => each.slice(FIELD.length))
  return { action: 'read', text, ...(fields.length > 0 && { fields }) }
}

/**
 * Who the token is of, for logs: `oauth:` (no key of a file has a colon in its name) and its client's id, or its
 * subject; where that has other characters, what is left of it and a hash.
 */
export function clientNameOf({ client_id, azp, sub }: Claims): string {
  const id = [client_id, azp, sub].find(each => typeof each === 'string' && each !== '')
  const text = typeof id === 'string' ? id : 'nobody'
  if (NAME.test(text)) return `oauth:${text}`
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8)
  return `oauth:${text.replaceAll(/[^\w.@-]/g, '_').slice(0, 48)}-${hash}`
}
