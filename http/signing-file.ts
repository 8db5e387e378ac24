import { randomBytes, randomInt } from 'node:crypto'
import { FileFields, parseFile } from './file-fields.ts'
import type { SigningKey, SigningKeys } from './tokens.ts'

/** What a file of signing keys holds. */
export interface SigningSecrets {
  /** By `signsFrom`, the newest last; at least one. */
  readonly keys: readonly SigningKey[]
  /** Makes ids of addresses. Never changes: the ids would no longer be those that stand in the topics. */
  readonly addressSecret: Uint8Array
}

const SECRET_BYTES = 32
const ID_MAX = 65_535
/** Rotated monthly, that is four years. */
export const SIGNING_KEYS_MAX = 48

/** A first key, which signs at once. */
export function newSigningSecrets(now: number): SigningSecrets {
  return {
    keys: [{ id: randomInt(ID_MAX + 1), secret: randomBytes(SECRET_BYTES), signsFrom: now }],
    addressSecret: randomBytes(SECRET_BYTES),
  }
}

/**
 * A new key beside the old ones, which open what they signed; of more than `SIGNING_KEYS_MAX` the oldest goes. It
 * signs only from `signsFrom` on, so that every process can have read it before the first token of it comes.
 */
export function rotated(secrets: SigningSecrets, signsFrom: number): SigningSecrets {
  const taken = new Set(secrets.keys.map(({ id }) => id))
  let id = randomInt(ID_MAX + 1)
  while (taken.has(id)) id = randomInt(ID_MAX + 1)
  const key = { id, secret: randomBytes(SECRET_BYTES), signsFrom }
  return { ...secrets, keys: [...secrets.keys, key].slice(-SIGNING_KEYS_MAX) }
}

/** For `createTokens`. */
export function signingKeysOf(secrets: () => SigningSecrets, now: () => number): SigningKeys {
  return {
    signing() {
      const { keys } = secrets()
      const time = now()
      const key = keys.findLast(({ signsFrom }) => signsFrom <= time) ?? keys[0]
      if (key === undefined) throw new Error('there is no signing key')
      return key
    },
    find: id => secrets().keys.find(key => key.id === id),
  }
}

/** Throws a `SecretFileError` that names the field. */
export function parseSigningFile(text: string, path: string): SigningSecrets {
  const whole = new FileFields(parseFile(text, path), path, '', ['keys', 'addressSecret'])
  const list = whole.list('keys', SIGNING_KEYS_MAX) ?? []
  if (list.length === 0) throw whole.fault('keys', 'a list of at least one key', undefined)
  const keys = list.map((value, index): SigningKey => {
    const fields = new FileFields(value, path, `keys[${index}]`, ['id', 'secret', 'signsFrom'])
    const id = fields.wholeNumber('id', 0, ID_MAX)
    if (id === undefined) throw fields.fault('id', `a whole number from 0 to ${ID_MAX}`, undefined)
    const signsFrom = Date.parse(fields.text('signsFrom', TIME_EXPECTED, TIME))
    if (Number.isNaN(signsFrom)) throw fields.fault('signsFrom', TIME_EXPECTED, 'no time')
    return { id, secret: secretOf(fields, 'secret'), signsFrom }
  })
  if (new Set(keys.map(({ id }) => id)).size !== keys.length)
    throw whole.fault('keys', 'a list of keys with an id each', list)
  keys.sort((a, b) => a.signsFrom - b.signsFrom)
  return { keys, addressSecret: secretOf(whole, 'addressSecret') }
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/
const TIME_EXPECTED = 'a time, such as 2026-11-22T09:30:00Z'

/** The text of a file, which `parseSigningFile` reads. */
export function formatSigningFile({ keys, addressSecret }: SigningSecrets): string {
  const written = keys.map(({ id, secret, signsFrom }) => ({
    id,
    secret: textOf(secret),
    signsFrom: new Date(signsFrom).toISOString(),
  }))
  return `${JSON.stringify({ keys: written, addressSecret: textOf(addressSecret) }, null, 2)}\n`
}

function secretOf(fields: FileFields, name: string): Buffer {
  return Buffer.from(
    fields.text(name, `${SECRET_BYTES} random bytes in base64url`, /^[\w-]{43}$/),
    'base64url',
  )
}

function textOf(secret: Uint8Array): string {
  return Buffer.from(secret).toString('base64url')
}
