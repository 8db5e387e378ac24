import { createHash } from 'node:crypto'
import type { Clock } from '../runtime/clock.ts'
import { issuerKeys } from './issuer-keys.ts'
import type { Key } from './keys.ts'
import { clientNameOf, scopesOf } from './oauth-scopes.ts'

export interface BearersOptions {
  /** As `iss` has it, letter by letter. */
  readonly issuer: string
  /** Where its public keys are; https, or of this machine. */
  readonly jwks: URL
  /** What `aud` has to name. */
  readonly audience: string
  /** The most requests of a second of one client. */
  readonly perSecond?: number
  readonly clock: Clock
  readonly logger: { warn(fields: object, text: string): void }
}

/** Access tokens of an OAuth 2.0 issuer (JWTs, RFC 9068), as keys. */
export interface Bearers {
  /** Never rejects. */
  open(token: string): Promise<Opened>
  close(): void
}

/**
 * What a token is: good for what `key` may do; good, and of a client with that name, but without a scope of ours; not
 * good, and why, for people; or nobody knows, since the issuer, whose keys are needed, does not answer.
 */
export type Opened =
  | { readonly key: Key }
  | { readonly unscoped: string }
  | { readonly fault: string }
  | { readonly away: string }

/** What signs with a public key's other half; no HMAC, with which a public key would be a secret, and not `none`. */
export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA']
const TOLERANCE_SECONDS = 30
/** A token that was good is so for a minute, at most as long as it says, without being verified again. */
const GOOD_MS = 60_000
const KNOWN_MAX = 1_000
const TOKEN_CHARS_MAX = 8_192
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/

/** Whether a secret is such a token; none of our own secrets has a dot. */
export function isToken(secret: string): boolean {
  return TOKEN.test(secret)
}

/** Asks for the issuer's keys first; where it does not answer that is told in the log, and tried again. */
export async function openBearers(options: BearersOptions): Promise<Bearers> {
  const { issuer, audience, perSecond, clock } = options
  const [{ jwtVerify, errors }, keys] = await Promise.all([import('jose'), issuerKeys(options)])
  const good = new Map<string, { readonly key: Key; readonly until: number }>()
  // One key for a client and its scopes, since its rate is counted by it.
  const clients = new Map<string, Key>()

  const verify = async (token: string): Promise<Opened & { readonly exp?: number }> => {
    if (token.length > TOKEN_CHARS_MAX)
      return { fault: `it has more than ${TOKEN_CHARS_MAX} characters` }
    try {
      const { payload } = await jwtVerify(token, keys.find, {
        ...{ issuer, audience, algorithms: ALGORITHMS, requiredClaims: ['exp'] },
        ...{ clockTolerance: TOLERANCE_SECONDS, currentDate: new Date(clock.now()) },
      })
      const name = clientNameOf(payload)
      const { text, action, ...fields } = scopesOf(payload)
      if (action === undefined) return { unscoped: name }
      const client = `${name} ${text}`
      const known = clients.get(client)
      const key = known ?? {
        name,
        action,
        ...fields,
        ...(perSecond !== undefined && { perSecond }),
      }
      put(clients, client, key)
      return { key, exp: payload.exp ?? 0 }
    } catch (error) {
      if (keys.isAway(error)) return { away: 'the issuer of tokens does not answer' }
      if (error instanceof errors.JOSEError) return { fault: faultOf(error.code) }
      throw error
    }
  }

  return {
    async open(token) {
      const hash = createHash('sha256').update(token).digest('base64')
      const now = clock.now()
      const known = good.get(hash)
      if (known !== undefined && known.until > now) return { key: known.key }
      good.delete(hash)
      const opened = await verify(token)
      if (!('key' in opened)) return opened
      const { key, exp = 0 } = opened
      put(good, hash, { key, until: Math.min(now + GOOD_MS, (exp + TOLERANCE_SECONDS) * 1_000) })
      return { key }
    },
    close: keys.close,
  }
}

function put<Value>(map: Map<string, Value>, name: string, value: Value): void {
  map.delete(name)
  map.set(name, value)
  const [oldest] = map.keys()
  if (map.size > KNOWN_MAX && oldest !== undefined) map.delete(oldest)
}

/** jose's messages name claims and values; these say what to do. */
function faultOf(code: string): string {
  switch (code) {
    case 'ERR_JWT_EXPIRED':
      return 'it has expired: ask the issuer for another one'
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      return 'it is of another issuer (iss), for another audience (aud), not valid yet (nbf), or has no exp'
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
    case 'ERR_JOSE_NOT_SUPPORTED':
      return `it is signed by an algorithm other than ${ALGORITHMS.join(', ')}`
    case 'ERR_JWKS_NO_MATCHING_KEY':
    case 'ERR_JWKS_MULTIPLE_MATCHING_KEYS':
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return 'none of the keys of the issuer has signed it'
    default:
      return 'it is no JWT that can be read'
  }
}
