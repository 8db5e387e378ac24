import { createHmac, timingSafeEqual } from 'node:crypto'
import { decodeClaims, encodeClaims } from './token-claims.ts'

/** Signed words in a URL: who an email was sent to, where a click goes. Nobody else can make one; all can read it. */
export interface Tokens {
  /**
   * The same words make the same token, for as long as the same key signs.
   *
   * @param purpose what it is for, such as `open`: a token for one purpose opens nothing for another
   * @param claims together less than 1,500 bytes; the order of their names says nothing
   * @param expiresAt epoch ms; kept to the second, rounded up
   */
  sign(purpose: string, claims: Readonly<Record<string, string>>, expiresAt: number): string
  /** @param now epoch ms */
  open(purpose: string, token: string, now: number): Opened
}

export type Opened =
  | { readonly claims: Readonly<Record<string, string>> }
  | { readonly fault: TokenFault }

export type TokenFault = 'malformed' | 'unknown_key' | 'bad_signature' | 'other_purpose' | 'expired'

/** A secret that signs, and opens what it signed. */
export interface SigningKey {
  /** 0 to 65,535; stands in each token. */
  readonly id: number
  /** 32 random bytes. */
  readonly secret: Uint8Array
  /** From when on it signs, epoch ms; it opens always. */
  readonly signsFrom: number
}

export interface SigningKeys {
  /** The newest that signs by now. */
  signing(): SigningKey
  find(id: number): SigningKey | undefined
}

const FORMAT = 1
/** The format, the id of the key (2 bytes) and the time of expiry (4 bytes, epoch seconds). */
const HEAD_BYTES = 7
/** Of HMAC-SHA256's 32: as hard to guess as AES-128, and 22 characters shorter in every URL. */
const MAC_BYTES = 16
const TOKEN_CHARS_MAX = 2_048
const SECONDS_MAX = 2 ** 32 - 1
/** Keeps these signatures apart from any other use of the same secret. */
const DOMAIN = 'millrace token 1\0'

/**
 * Tokens in base64url: `head | purpose and claims | mac`. The MAC (HMAC-SHA256, RFC 2104, cut to 16 bytes) covers
 * all before it, so the purpose, the claims, the expiry and the key's id are bound together; there is no algorithm
 * to choose in a token. A token can be spelt in one way only.
 */
export function createTokens(keys: SigningKeys): Tokens {
  return {
    sign(purpose, claims, expiresAt) {
      const seconds = Math.ceil(expiresAt / 1_000)
      if (!(seconds >= 0 && seconds <= SECONDS_MAX))
        throw new RangeError(`a token expires between 1970 and 2106, not at ${expiresAt} ms`)
      const key = keys.signing()
      const head = Buffer.alloc(HEAD_BYTES)
      head.writeUInt8(FORMAT, 0)
      head.writeUInt16BE(key.id, 1)
      head.writeUInt32BE(seconds, 3)
      const signed = Buffer.concat([head, encodeClaims(purpose, claims)])
      const token = Buffer.concat([signed, macOf(key, signed)]).toString('base64url')
      if (token.length <= TOKEN_CHARS_MAX) return token
      throw new RangeError(`a token has at most ${TOKEN_CHARS_MAX} characters, not ${token.length}`)
    },

    open(purpose, token, now) {
      const bytes = bytesOf(token)
      if (bytes === undefined) return { fault: 'malformed' }
      const key = keys.find(bytes.readUInt16BE(1))
      if (key === undefined) return { fault: 'unknown_key' }
      const signed = bytes.subarray(0, -MAC_BYTES)
      if (!timingSafeEqual(macOf(key, signed), bytes.subarray(-MAC_BYTES)))
        return { fault: 'bad_signature' }
      const content = decodeClaims(signed.subarray(HEAD_BYTES))
      if (content === undefined) return { fault: 'malformed' }
      if (content.purpose !== purpose) return { fault: 'other_purpose' }
      if (now > signed.readUInt32BE(3) * 1_000) return { fault: 'expired' }
      return { claims: content.claims }
    },
  }
}

/** Node decodes what is not quite base64url, too; then several texts would be one token. */
function bytesOf(token: string): Buffer | undefined {
  if (token.length > TOKEN_CHARS_MAX) return undefined
  const bytes = Buffer.from(token, 'base64url')
  const whole = bytes.length > HEAD_BYTES + MAC_BYTES && bytes[0] === FORMAT
  return whole && bytes.toString('base64url') === token ? bytes : undefined
}

function macOf(key: SigningKey, signed: Uint8Array): Buffer {
  const mac = createHmac('sha256', key.secret).update(DOMAIN).update(signed).digest()
  return mac.subarray(0, MAC_BYTES)
}
