import { createHmac } from 'node:crypto'

/** An event as a client sends it, or as the intake has made it whole. */
type Fields = Readonly<Record<string, unknown>>

export interface Addresses {
  /** The anonymous id that stands for an e-mail address: keyed, so that nobody without the secret can try addresses. */
  idOf(address: string): string
  /**
   * What an `identify` with `traits.email` says of the address: an event that makes the address' id an alias of the
   * user. `undefined` where there is nothing to join. Call it once the event has its `messageId` and its times: the
   * answer's `messageId` is made of the event's, so that a repeat of one is a repeat of the other.
   */
  linkOf(event: Fields): Record<string, unknown> | undefined
}

/** RFC 5321: 64 characters, the @, and 255; longer texts are no addresses. */
export const addressCharsMax = 320

const domain = 'millrace address 1\n'

/**
 * How events that carry only an e-mail address find their user. Providers' webhooks know an address and, mostly, not
 * our user id: their events get `idOf(address)` as anonymousId, and `identify` with `traits.email` joins it.
 *
 * @param secret of at least 32 bytes. It must stay the same for ever: with another one, what was known of an
 *   address before is not found any more.
 */
export function addressesOf(secret: string | Uint8Array): Addresses {
  if (secret.length < 32)
    throw new RangeError(`the secret of addresses has at least 32 bytes, this one ${secret.length}`)

  const idOf = (address: string) => {
    const hash = createHmac('sha256', secret).update(domain + normal(address))
    return `email:${hash.digest('base64url').slice(0, 27)}`
  }

  return {
    idOf,
    linkOf(event) {
      const { type, userId, messageId, traits } = event
      if (type !== 'identify' || typeof messageId !== 'string' || messageId === '') return undefined
      if ((typeof userId !== 'string' && typeof userId !== 'number') || userId === '')
        return undefined
      const address = isObject(traits) ? traits.email : undefined
      if (!isAddress(address)) return undefined
      const anonymousId = idOf(address)
      if (event.anonymousId === anonymousId) return undefined
      return {
        type: 'identify',
        messageId: `${messageId}:email`,
        userId,
        anonymousId,
        ...only(event, ['timestamp', 'originalTimestamp', 'sentAt', 'receivedAt']),
        ...(isObject(event.context) && { context: only(event.context, ['consent']) }),
      }
    },
  }
}

/** Whether it may be an address: one @ with something on both sides, no space, not too long. No more is asked. */
export function isAddress(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > addressCharsMax + 2) return false
  return /^[^\s@]+@[^\s@]+$/.test(text.trim()) && text.isWellFormed()
}

function normal(address: string): string {
  return address.trim().toLowerCase()
}

function only(fields: Fields, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.flatMap(name => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  )
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
