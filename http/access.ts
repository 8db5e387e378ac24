import { createRequire } from 'node:module'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { addressRule } from './addresses.ts'
import { type Bearers, isToken } from './bearers.ts'
import { type Action, type Key, type Keys, mayDo } from './keys.ts'
import { originRule } from './origins.ts'
import { Problem } from './problem.ts'
import type { Protection } from './protection.ts'

export interface Admission {
  readonly key: Key
  /** More came than the key or the address allows: when to come again. Whether that is refused is the route's to say. */
  readonly overLimit?: OverLimit
}

export interface OverLimit {
  readonly of: 'key' | 'address'
  readonly retryAfterSeconds: number
}

export interface Access {
  /**
   * Whether the request may do what it wants. Its answer gets the headers RateLimit-Limit, -Remaining and -Reset
   * (draft-ietf-httpapi-ratelimit-headers-07) of the limit that it is nearest to. Throws, or rejects with, a
   * `Problem`: 401 for no secret or an unknown one, 403 where its key does not allow it. Answers at once where there
   * is nothing to wait for.
   */
  admit(
    request: FastifyRequest,
    action: Action,
    secret: string | undefined,
  ): Admission | Promise<Admission>
  /** For routes without a key: whether more comes from the request's address than may. It counts with what `admit` saw. */
  overAddress(request: FastifyRequest): Promise<OverLimit | undefined>
}

/** How many addresses are counted at once; of more, those that were silent longest are forgotten. */
const ADDRESSES_MAX = 50_000
const WINDOW_MS = 1_000

type RateLimit = typeof import('@fastify/rate-limit')

/** Once per app, before its routes. */
export function openAccess(
  app: FastifyInstance,
  { keys, bearers, keyed, perAddress }: Protection,
): Access {
  const standings = new WeakMap<FastifyRequest, Standing>()
  if (keyed) {
    // Loaded here: it takes a fifth as long as all of fastify, which one's own machine can do without.
    const rateLimit = createRequire(import.meta.url)('@fastify/rate-limit') as RateLimit
    app.register(rateLimit, { global: false })
    app.addHook('onSend', async (request, reply) => {
      const standing = standings.get(request)
      if (standing !== undefined) reply.headers(headersOf(standing))
    })
  }
  const rules = memo(rulesOf)
  const ofKey = memo(({ perSecond }) =>
    keyed && perSecond !== undefined ? limitOf(app, perSecond, 1, () => 'key') : noLimit,
  )
  const limitsAddresses = keyed && perAddress > 0
  let ofAddress: Limit | undefined
  const standingOfAddress: Limit = request => {
    ofAddress ??= limitsAddresses ? limitOf(app, perAddress, ADDRESSES_MAX) : noLimit
    return ofAddress(request)
  }
  const admissions = memo((key): Admission => ({ key }))
  /** Throws a `Problem` where the key is not for who brings it. */
  const check = (request: FastifyRequest, key: Key): void => {
    const { mayUse, mayCome } = rules(key)
    if (!mayCome(request.ip)) {
      const detail = `the key ${key.name} is not for the address that this comes from: its addresses are in the file of keys`
      throw new Problem(403, 'address_not_allowed', detail)
    }
    if (mayUse(request)) return
    const detail = `the key ${key.name} is not for the page that this comes from: its origins are in the file of keys`
    throw new Problem(403, 'origin_not_allowed', detail)
  }
  const admitCounted = async (
    request: FastifyRequest,
    found: Key | Promise<Key>,
    fromAddress?: Standing,
  ): Promise<Admission> => {
    const key = await found
    check(request, key)
    const fromKey = await ofKey(key)(request)
    const nearest = nearer(fromKey, fromAddress)
    if (nearest === undefined) return { key }
    standings.set(request, nearest)
    if (!nearest.exceeded) return { key }
    const of = nearest === fromKey ? 'key' : 'address'
    return { key, overLimit: { of, retryAfterSeconds: nearest.resetSeconds } }
  }
  return {
    async overAddress(request) {
      const standing = await standingOfAddress(request)
      if (standing === undefined) return undefined
      standings.set(request, standing)
      if (!standing.exceeded) return undefined
      return { of: 'address', retryAfterSeconds: standing.resetSeconds }
    },
    admit(request, action, secret) {
      const find = () => keyOf({ keys, bearers }, secret, action)
      if (limitsAddresses)
        return standingOfAddress(request).then(standing => admitCounted(request, find(), standing))
      const key = find()
      if (key instanceof Promise || ofKey(key) !== noLimit) return admitCounted(request, key)
      check(request, key)
      return admissions(key)
    },
  }
}

/** For routes that refuse what is over a limit. */
export function refuseOverLimit({ key, overLimit }: Admission): void {
  if (overLimit === undefined) return
  const { of, retryAfterSeconds } = overLimit
  const what = of === 'key' ? `the key ${key.name}` : 'one address'
  const detail = `more requests came than ${what} may send in a second: come again after ${retryAfterSeconds} s, or send more events in each`
  throw new Problem(429, 'over_limit', detail, { 'retry-after': String(retryAfterSeconds) })
}

/** Bearer, though Basic is understood as well: for Basic, browsers would ask their user for a password. */
const CHALLENGE = { 'www-authenticate': 'Bearer realm="millrace"' }

function keyOf(
  { keys, bearers }: { readonly keys: Keys; readonly bearers: Bearers | undefined },
  secret: string | undefined,
  action: Action,
): Key | Promise<Key> {
  if (secret === undefined) {
    const detail = `a key is needed to ${action}: send it as user name of Basic authentication, or as Bearer token`
    throw new Problem(401, 'no_key', detail, CHALLENGE)
  }
  if (bearers !== undefined && isToken(secret)) return tokenKey(bearers, secret, action)
  const key = keys.find(secret)
  if (key === undefined) {
    const detail = `this key is unknown here, or was taken back: millrace keys list shows those that there are`
    throw new Problem(401, 'unknown_key', detail, CHALLENGE)
  }
  if (mayDo(key, action)) return key
  const detail = `the key ${key.name} is a key to ${key.action}, and this needs one to ${action}`
  throw new Problem(403, 'other_action', detail)
}

/** As RFC 6750 answers. */
async function tokenKey(bearers: Bearers, token: string, action: Action): Promise<Key> {
  const opened = await bearers.open(token)
  if ('away' in opened) {
    const detail = `${opened.away}, and this token needs a key of it that is not known yet`
    throw new Problem(503, 'issuer_away', detail, { 'retry-after': '5' })
  }
  if ('fault' in opened) {
    const challenge = { 'www-authenticate': 'Bearer realm="millrace", error="invalid_token"' }
    throw new Problem(401, 'invalid_token', `this token is not good: ${opened.fault}`, challenge)
  }
  if ('key' in opened && mayDo(opened.key, action)) return opened.key
  const name = 'key' in opened ? opened.key.name : opened.unscoped
  const scope = action === 'admin' ? 'admin' : 'features:read'
  const challenge = `Bearer realm="millrace", error="insufficient_scope", scope="${scope}"`
  const detail = `the token of ${name} has no scope to ${action}: this needs ${scope}`
  throw new Problem(403, 'insufficient_scope', detail, { 'www-authenticate': challenge })
}

interface Rules {
  mayCome(address: string): boolean
  mayUse(request: FastifyRequest): boolean
}

function rulesOf({ origins, addresses }: Key): Rules {
  const mayUse = origins === undefined ? undefined : originRule(origins)
  return {
    mayCome: addresses === undefined ? () => true : addressRule(addresses),
    mayUse: mayUse === undefined ? () => true : request => isFrom(mayUse, request),
  }
}

/**
 * Browsers say on each request that changes something which page sends it (Origin), and on the others at least
 * whether it is one of another site (Sec-Fetch-Site). What says neither is no browser: origins protect those that
 * look at pages from pages, and nobody from a program that writes the headers it likes.
 */
function isFrom(mayUse: (origin: string) => boolean, { headers }: FastifyRequest): boolean {
  if (headers.origin !== undefined) return mayUse(headers.origin)
  const site = headers['sec-fetch-site']
  return site === undefined || site === 'same-origin' || site === 'none'
}

interface Standing {
  readonly limit: number
  readonly remaining: number
  readonly resetSeconds: number
  readonly exceeded: boolean
}

type Limit = (request: FastifyRequest) => Promise<Standing | undefined>

const noLimit: Limit = async () => undefined

function limitOf(
  app: FastifyInstance,
  max: number,
  cache: number,
  keyGenerator?: () => string,
): Limit {
  const options = { max, cache, timeWindow: WINDOW_MS }
  const count = app.createRateLimit(keyGenerator ? { ...options, keyGenerator } : options)
  return async request => {
    const counted = await count(request)
    if (counted.isAllowed) return undefined
    const { remaining, ttlInSeconds, isExceeded } = counted
    return { limit: max, remaining, resetSeconds: ttlInSeconds, exceeded: isExceeded }
  }
}

function nearer(a: Standing | undefined, b: Standing | undefined): Standing | undefined {
  if (a === undefined || b === undefined) return a ?? b
  if (a.exceeded !== b.exceeded) return a.exceeded ? a : b
  return a.remaining <= b.remaining ? a : b
}

function headersOf({ limit, remaining, resetSeconds }: Standing): Record<string, string> {
  return {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(remaining),
    'ratelimit-reset': String(resetSeconds),
  }
}

/** Keeps what was made of a key for as long as there is the key; keys of a file that was read again are new ones. */
function memo<Made>(make: (key: Key) => Made): (key: Key) => Made {
  const made = new WeakMap<Key, { readonly value: Made }>()
  return key => {
    const known = made.get(key)
    if (known !== undefined) return known.value
    const value = make(key)
    made.set(key, { value })
    return value
  }
}
