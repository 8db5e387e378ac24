import type { Tokens } from './tokens.ts'

/** Who an email goes to and which it is; at least one of the two ids. */
export interface Mailing {
  /** Of the email, the same for all of its links; also for joining with the provider's webhooks. */
  readonly emailId: string
  readonly userId?: string
  readonly anonymousId?: string
  readonly campaignId?: string
  /** What an unsubscription is from; all mail when left out. Shown to the person. */
  readonly list?: string
}

export interface ClickLink {
  /** Where to: http or https. */
  readonly target: string
  /** Tells links with one target apart, such as `header`. */
  readonly linkId?: string
  /** A link that no person can see: whoever follows it is a scanner, and so is what else came from there. */
  readonly isTrap?: boolean
}

export interface EmailLinks {
  /** The source of a 1 × 1 image: `<img src width="1" height="1" alt="">`. */
  pixelUrl(mailing: Mailing): string
  /** @throws LinkError when the target is none to send people to */
  clickUrl(mailing: Mailing, link: ClickLink): string
  /** A page with a button, and what a mail program posts to (RFC 8058). */
  unsubscribeUrl(mailing: Mailing): string
  /** The two headers of one-click unsubscription (RFC 8058); both have to be covered by the DKIM signature. */
  unsubscribeHeaders(mailing: Mailing): Readonly<Record<string, string>>
}

export interface EmailLinksOptions {
  readonly tokens: Tokens
  /** Of the collector, as people's mail programs reach it, such as `https://events.shop.example`. */
  readonly baseUrl: string
  /** When the email is sent, epoch ms. */
  readonly sentAt: number
}

/** A link that cannot be made. */
export class LinkError extends Error {
  override readonly name = 'LinkError'
  readonly code: 'bad_target' | 'bad_mailing' | 'too_long'

  constructor(code: LinkError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** What a token is for: one made for an open opens no redirect. */
export const purposes = { open: 'open', click: 'click', unsubscribe: 'unsubscribe' } as const

/** The claims of a token, short since they stand in every URL. */
export interface EmailClaims {
  readonly e?: string
  readonly u?: string
  readonly a?: string
  readonly c?: string
  readonly l?: string
  /** Sent at, epoch seconds in base 36. */
  readonly t?: string
  /** Of a click: the target, the link's id, and '1' for a trap. */
  readonly to?: string
  readonly k?: string
  readonly x?: string
}

const DAY_MS = 86_400_000
/** People open old mails; after this nobody asks any more. */
const OPEN_DAYS = 400
/** Laws ask for a month; somebody who finds the mail years later must be heard, too. */
const UNSUBSCRIBE_DAYS = 3_650
/** With the other claims it has to fit into a token. */
const TARGET_CHARS_MAX = 1_200
const FIELD_BYTES_MAX = 256
/** RFC 5322, 2.1.1: a line has 998, with the header's name in it. */
const HEADER_CHARS_MAX = 970

/** Makes the links of one email. Nothing in them is secret: whoever has the email can read them, nobody can change them. */
export function emailLinks({ tokens, baseUrl, sentAt }: EmailLinksOptions): EmailLinks {
  const base = baseUrl.replace(/\/+$/, '')
  const sign = (purpose: string, mailing: Mailing, days: number, more: EmailClaims = {}) => {
    const claims = { ...claimsOf(mailing, sentAt), ...more }
    try {
      return tokens.sign(purpose, claims, sentAt + days * DAY_MS)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw new LinkError('too_long', `${error.message}: give shorter ids, or a shorter target`)
    }
  }
  const unsubscribeUrl = (mailing: Mailing) =>
    `${base}/v1/unsubscribe/${sign(purposes.unsubscribe, mailing, UNSUBSCRIBE_DAYS)}`
  return {
    pixelUrl: mailing => `${base}/v1/pixel.gif?t=${sign(purposes.open, mailing, OPEN_DAYS)}`,

    clickUrl(mailing, { target, linkId, isTrap }) {
      const more = {
        to: checkTarget(target),
        ...(linkId !== undefined && { k: bounded('linkId', linkId) }),
        ...(isTrap && { x: '1' }),
      }
      return `${base}/v1/click?t=${sign(purposes.click, mailing, OPEN_DAYS, more)}`
    },

    unsubscribeUrl,
    unsubscribeHeaders(mailing) {
      const url = unsubscribeUrl(mailing)
      if (url.length > HEADER_CHARS_MAX)
        throw new LinkError(
          'too_long',
          `a line of a header has at most ${HEADER_CHARS_MAX} characters, and this link ${url.length}: give shorter ids`,
        )
      return {
        'List-Unsubscribe': `<${url}>`,
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      }
    },
  }
}

/**
 * The target as it may stand in a Location header.
 *
 * @throws LinkError for what is no http(s) URL, has a user or a password in it (`https://bank.example@evil.example`), or is too long
 */
export function checkTarget(target: string): string {
  const url = URL.canParse(target) ? new URL(target) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.password)
    throw new LinkError(
      'bad_target',
      'a link goes to a whole URL that begins with https:// or http:// and has no user in it; this target is none',
    )
  if (url.href.length > TARGET_CHARS_MAX)
    throw new LinkError(
      'bad_target',
      `a link's target has at most ${TARGET_CHARS_MAX} characters, this one ${url.href.length}`,
    )
  return url.href
}

function claimsOf(mailing: Mailing, sentAt: number): Record<string, string> {
  const { emailId, userId, anonymousId, campaignId, list } = mailing
  if (!userId && !anonymousId)
    throw new LinkError(
      'bad_mailing',
      'a mailing needs userId or anonymousId; this one has neither',
    )
  const fields = { e: emailId, u: userId, a: anonymousId, c: campaignId, l: list }
  const claims: Record<string, string> = { t: Math.floor(sentAt / 1000).toString(36) }
  for (const [name, value] of Object.entries(fields)) if (value) claims[name] = bounded(name, value)
  return claims
}

function bounded(name: string, text: string): string {
  const bytes = Buffer.byteLength(text)
  if (bytes <= FIELD_BYTES_MAX) return text
  throw new LinkError(
    'bad_mailing',
    `a field of a mailing has at most ${FIELD_BYTES_MAX} bytes; ${name} has ${bytes}`,
  )
}
