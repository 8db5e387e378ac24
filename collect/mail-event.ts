import { createHash } from 'node:crypto'
import { type Addresses, isAddress } from './address.ts'
import { given, type Judge } from './judge.ts'

/** What a provider tells of one mail to one person, whichever provider it is. */
export interface MailEvent {
  readonly kind: 'delivered' | 'opened' | 'clicked' | 'bounced' | 'complained' | 'unsubscribed'
  /** Unique at the provider, and the same when it repeats the event. */
  readonly id: string
  /** Epoch ms. */
  readonly at: number
  readonly address?: string | undefined
  /** Our own, where the mail was sent with it. */
  readonly userId?: string | undefined
  /** The provider's name of the message. */
  readonly emailId?: string | undefined
  readonly subject?: string | undefined
  readonly campaignId?: string | undefined
  readonly campaignName?: string | undefined
  readonly linkId?: string | undefined
  readonly linkUrl?: string | undefined
  readonly listId?: string | undefined
  readonly ip?: string | undefined
  readonly userAgent?: string | undefined
  /** What the provider says of who did it, such as `sendgrid:machine_open`. */
  readonly flags?: readonly string[] | undefined
  readonly bounce?: Bounce | undefined
}

export interface Bounce {
  /** For ever; for now; refused by the other server; or never sent, since the provider knew better. */
  readonly type: 'hard' | 'soft' | 'blocked' | 'dropped'
  readonly reason?: string | undefined
}

/** Names of Segment's email events (https://segment.com/docs/connections/spec/email/). */
const names: Readonly<Record<MailEvent['kind'], string>> = {
  delivered: 'Email Delivered',
  opened: 'Email Opened',
  clicked: 'Email Link Clicked',
  bounced: 'Email Bounced',
  complained: 'Email Marked as Spam',
  unsubscribed: 'Unsubscribed',
}

const REASON_CHARS_MAX = 500
const ID_CHARS_MAX = 100

export interface Segmenting {
  readonly provider: string
  readonly addresses: Addresses
  readonly judge: Judge
  /** Whether `context.traits.email` keeps the address. */
  readonly keepAddress: boolean
  /** Whether the address of the device that opened or clicked stays in the event; it is judged by it anyway. */
  readonly keepIp: boolean
}

/** The same for one event of a provider, however often and through whichever webhook it comes. */
export function messageIdOf(provider: string, { id }: MailEvent): string {
  const whole = `${provider}:${id}`
  if (whole.length <= ID_CHARS_MAX) return whole
  return `${provider}:${createHash('sha256').update(id).digest('base64url')}`
}

/**
 * The event as Segment has it. Whose it is: the user id that the mail was sent with, else the keyed hash of the address.
 * The address itself is in none of it, unless `keepAddress` says so.
 */
export function segmentEvent(mail: MailEvent, options: Segmenting): Record<string, unknown> {
  const { provider, addresses, judge, keepAddress } = options
  const address = isAddress(mail.address) ? mail.address : undefined
  const hidden = (text: string | undefined) =>
    text === undefined || keepAddress || address === undefined ? text : without(text, address)
  const { userId, bounce } = mail
  const anonymousId = address === undefined ? undefined : addresses.idOf(address)
  return {
    type: 'track',
    event: names[mail.kind],
    messageId: messageIdOf(provider, mail),
    ...(userId !== undefined ? { userId } : { anonymousId }),
    timestamp: new Date(mail.at).toISOString(),
    properties: given({
      email_id: mail.emailId,
      email_subject: hidden(mail.subject),
      campaign_id: mail.campaignId,
      campaign_name: mail.campaignName,
      link_id: mail.linkId,
      link_url: hidden(mail.linkUrl),
      list_id: mail.listId,
      bounce_type: bounce?.type,
      reason: hidden(bounce?.reason?.slice(0, REASON_CHARS_MAX)),
    }),
    context: {
      integration: { name: provider },
      ...(keepAddress && address !== undefined && { traits: { email: address } }),
      ...judged(mail, judge, options),
    },
  }
}

/** Names a message and to whom it went, for the judge. */
export function messageOf(mail: MailEvent, provider: string): string | undefined {
  if (mail.emailId === undefined) return undefined
  return `${provider} ${mail.emailId} ${mail.userId ?? mail.address?.toLowerCase() ?? ''}`
}

function judged(mail: MailEvent, judge: Judge, { provider, keepIp }: Segmenting): object {
  if (mail.kind !== 'opened' && mail.kind !== 'clicked') return {}
  const { at, ip, userAgent, flags } = mail
  const { ip: device, ...rest } = judge.classifyRequest({
    kind: mail.kind === 'opened' ? 'open' : 'click',
    at,
    ip,
    userAgent,
    flags: flags?.length ? flags : undefined,
    message: messageOf(mail, provider),
    link: mail.linkUrl ?? mail.linkId,
  })
  return keepIp && device !== undefined ? { ...rest, ip: device } : rest
}

/**
 * Servers repeat the address in what they answer, and links carry it in their query. Most texts have not even its
 * domain, which is looked for first: patterns cost more than all the rest of an event.
 */
function without(text: string, address: string): string {
  const plain = address.trim()
  const encoded = encodeURIComponent(plain)
  const lower = text.toLowerCase()
  const [, domain = ''] = plain.toLowerCase().split('@')
  if (!lower.includes(domain) && !lower.includes(encodeURIComponent(domain).toLowerCase()))
    return text
  const forms = new Set([plain, encoded, plain.replace('@', '%40')])
  const pattern = [...forms].map(form => form.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  return text.replaceAll(new RegExp(pattern, 'gi'), '[address]')
}
