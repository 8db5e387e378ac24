import type { Bounce, MailEvent } from './mail-event.ts'
import { jsonOf, listOf, named, type Raw, rawOf, secondsOf, textOf } from './webhook-fields.ts'
import { type Provider, Refused } from './webhook-provider.ts'
import { hmac, needHeader, signedBy } from './webhook-verify.ts'

const header = 'x-mandrill-signature'
/** What Mandrill signs an empty batch with when it tries a new URL, since that has no key yet. */
const tryingKey = 'test-webhook'

/**
 * Mandrill (Mailchimp Transactional): HMAC-SHA1, in base64, over the webhook's URL as it was entered and each parameter's
 * name and value in order of their names (https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/,
 * «Authenticating webhook requests»). No time is signed. A new URL is tried with HEAD, then with an empty batch signed by
 * the key `test-webhook` (https://mandrill.zendesk.com/hc/en-us/articles/360038740014). For how long it repeats is not
 * published; ids are remembered for a day.
 */
export const mandrill: Provider = {
  name: 'mandrill',
  needs: ['url'],
  repeatMs: 24 * 3_600_000,
  refusedStatus: 401,
  troubleStatus: 503,
  probes: ['HEAD', 'GET'],
  open({ secrets, url = '', userIdField }) {
    return {
      admit: head => void needHeader(head, header, 'this is no request of Mandrill’s'),
      read(delivery) {
        const parameters = new URLSearchParams(delivery.body.toString('utf8'))
        const signed = [url, ...[...parameters].sort(byName).flat()]
        const sign = (secret: string | Uint8Array) => hmac('sha1', secret, signed, 'base64')
        const raw = listOf(jsonOf(parameters.get('mandrill_events') ?? ''))
        const given = delivery.header(header)
        const trying = raw.length === 0 && signedBy([tryingKey], given, sign)
        if (!trying && !signedBy(secrets, given, sign))
          throw new Refused(
            'bad_signature',
            'the signature is not of this key and URL: the URL must be written as it was entered at Mandrill',
          )
        const events = raw.flatMap(each => eventOf(rawOf(each), delivery.now, userIdField) ?? [])
        return { events, leftOut: raw.length - events.length }
      },
    }
  },
}

function byName([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0
}

const kinds: Readonly<Record<string, MailEvent['kind']>> = {
  delivered: 'delivered',
  open: 'opened',
  click: 'clicked',
  hard_bounce: 'bounced',
  soft_bounce: 'bounced',
  reject: 'bounced',
  spam: 'complained',
  unsub: 'unsubscribed',
}

const bounces = { hard_bounce: 'hard', soft_bounce: 'soft', reject: 'dropped' } as const

function eventOf(raw: Raw, now: number, userIdField: string): MailEvent | undefined {
  const name = textOf(raw.event) ?? ''
  const kind = named(kinds, name)
  const message = rawOf(raw.msg)
  const messageId = textOf(raw._id) ?? textOf(message._id)
  if (kind === undefined || messageId === undefined) return undefined
  const at = secondsOf(raw.ts, now)
  const linkUrl = textOf(raw.url)
  const type = named<Bounce['type']>(bounces, name)
  return {
    kind,
    // `_id` is the message's: what happened to it twice within a second is one event, unless other links were clicked.
    id: [messageId, name, at, ...(linkUrl === undefined ? [] : [linkUrl])].join(':'),
    at,
    address: textOf(message.email),
    userId: textOf(rawOf(message.metadata)[userIdField]),
    emailId: messageId,
    subject: textOf(message.subject),
    campaignName: textOf(listOf(message.tags)[0]),
    linkUrl,
    ip: textOf(raw.ip),
    userAgent: textOf(raw.user_agent),
    flags: rawOf(raw.user_agent_parsed).type === 'robot' ? ['mandrill:robot'] : undefined,
    bounce:
      type === undefined
        ? undefined
        : { type, reason: textOf(message.diag) ?? textOf(message.bounce_description) },
  }
}
