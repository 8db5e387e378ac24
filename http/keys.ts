import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** Who may write events, read features, or look after people's data: what one secret allows. */
export interface Key {
  /** For a write key also the name of its source. */
  readonly name: string
  readonly action: Action
  /** Pages that may use it, such as `https://shop.example` (see origins.ts); any when not given. */
  readonly origins?: readonly string[]
  /** Addresses and networks (CIDR) that may use it; any when not given. */
  readonly addresses?: readonly string[]
  /** The most requests of a second; more are answered 429. As many as come when not given. */
  readonly perSecond?: number
  /** Of a write key: whether events without the person's consent are refused. */
  readonly requireConsent?: boolean
  /** Of a read key: the features that it may read; all when not given. */
  readonly fields?: readonly string[]
  /** Of a read key: how long an answer may take before a fallback is given instead, ms. */
  readonly budgetMs?: number
}

/** `admin`: erase and export people, and read the audit log; whoever may do that may read everything, too. */
export type Action = 'write' | 'read' | 'admin'

export function mayDo({ action }: Pick<Key, 'action'>, wanted: Action): boolean {
  return action === wanted || (action === 'admin' && wanted === 'read')
}

export interface Keys {
  /** The key of a secret; `undefined` when there is none. */
  find(secret: string): Key | undefined
}

/** A key, and the hashes of the secrets that open it: one, or two while a secret is being replaced. */
export interface HashedKey {
  readonly key: Key
  readonly hashes: readonly string[]
}

export const SECRET_CHARS_MAX = 200
const SECRET_BYTES = 20

/**
 * A new secret, 160 random bits in hexadecimal. The prefix tells a person what it is for, and lets a scanner of
 * leaks find it: `mr_[wra]_[0-9a-f]{40}`.
 */
export function newSecret(action: Action): string {
  return `mr_${action[0]}_${randomBytes(SECRET_BYTES).toString('hex')}`
}

/**
 * What is kept of a secret: `sha256:` and 64 hexadecimal digits. A slow hash would protect secrets that a person
 * chose; these are random and long, so nobody finds one by trying, and a fast hash can be taken at each request.
 */
export function hashOf(secret: string): string {
  return `sha256:${digest(secret).toString('hex')}`
}

/**
 * Finds keys by the hash of their secret: the time of the search tells something of the hash of what was asked
 * for, which the asker cannot choose, and nothing of a secret.
 *
 * Hot path: a secret that was good once is known from then on, since its hash takes as long as a tenth of a request.
 * That tells who tries others nothing: V8 looks them up by a hash of the whole text with a seed of the process, and a
 * wrong one is never remembered. There are no more of them than hashes, and they go with these keys, which a file that
 * was changed replaces by others.
 */
export function keysOf(hashed: readonly HashedKey[]): Keys {
  const byHash = new Map<string, Key>()
  for (const { key, hashes } of hashed) for (const hash of hashes) byHash.set(hash, key)
  const known = new Map<string, Key>()
  return {
    find(secret) {
      if (secret.length > SECRET_CHARS_MAX) return undefined
      const key = known.get(secret) ?? byHash.get(hashOf(secret))
      if (key !== undefined) known.set(secret, key)
      return key
    },
  }
}

/** Compares what was sent with what was expected, in a time that tells nothing of where they differ. */
export function equalSecrets(sent: string, expected: string): boolean {
  return timingSafeEqual(digest(sent), digest(expected))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/**
 * The keys of a server that only this machine can reach: everything may be read, and events are written with the
 * key `dev`; of browsers' pages only those that come from this machine may use it.
 */
export const devKeys: Keys = keysOf([
  {
    key: { name: 'dev', action: 'write', origins: ['loopback'] },
    hashes: [hashOf('dev')],
  },
])
