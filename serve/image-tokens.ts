import type { Tokens } from '../http/tokens.ts'
import { purposes } from './amp-tokens.ts'

/** What an image in an email is of. */
export type Image =
  /** To that time, epoch ms; the same for everybody. */
  | { readonly name: 'countdown'; readonly until: number }
  | { readonly name: 'product'; readonly product: string }
  | { readonly name: 'recommended'; readonly user: string }

const DAY_MS = 86_400_000
/** People open old mails; what such an image shows is of the moment all the same. */
const USABLE_DAYS = 400

/** Signs what one image in one email may show. */
export function signImage(tokens: Tokens, image: Image, sentAt: number): string {
  return tokens.sign(purposes.image, claimsOf(image), sentAt + USABLE_DAYS * DAY_MS)
}

/** `undefined`: the token is not one for an image of this name. */
export function openImage(
  tokens: Tokens,
  name: string,
  token: unknown,
  now: number,
): Image | undefined {
  const opened = typeof token === 'string' ? tokens.open(purposes.image, token, now) : undefined
  if (opened === undefined || !('claims' in opened) || opened.claims.n !== name) return undefined
  const { o: of = '' } = opened.claims
  switch (name) {
    case 'countdown':
      return /^\d{1,15}$/.test(of) ? { name, until: Number(of) } : undefined
    case 'product':
      return { name, product: of }
    case 'recommended':
      return { name, user: of }
    default:
      return undefined
  }
}

function claimsOf(image: Image): Record<string, string> {
  switch (image.name) {
    case 'countdown':
      return { n: image.name, o: String(image.until) }
    case 'product':
      return { n: image.name, o: image.product }
    case 'recommended':
      return { n: image.name, o: image.user }
  }
}
