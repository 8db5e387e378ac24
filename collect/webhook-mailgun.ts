import type { Bounce, MailEvent } from './mail-event.ts'
import { jsonOf, listOf, named, type Raw, rawOf, secondsOf, textOf } from './webhook-fields.ts'
import { type Provider, Refused } from './webhook-provider.ts'
import { checkTime, hmac, signedBy } from './webhook-verify.ts'

const repeatMs = 8 * 3_600_000

/**
 * Mailgun: HMAC-SHA256 over timestamp and token, both in the body, in hexadecimal
 * (https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks, «Securing Webhooks»). It does not cover
 * the event, so only TLS keeps that from being changed. A request is repeated for 8 hours, at 5, 10 and 15 minutes and 1, 2
 * and 4 hours, unless it was answered 200 or 406 (same page); its signature is a part of the body and so repeated with
 * it. Deliveries are not repeated at all.
 */
export const mailgun: Provider = {
  name: 'mailgun',
  needs: [],
  repeatMs,
  refusedStatus: 406,
  troubleStatus: 503,
  open({ secrets, userIdField }) {
    return {
      read({ body, now }) {
        const raw = rawOf(jsonOf(body))
        const { timestamp, token, signature } = rawOf(raw.signature)
        const [signed, given] = [textOf(timestamp), textOf(signature)]
        if (signed === undefined || given === undefined || typeof token !== 'string')
          throw new Refused('no_signature', 'the body has no signature with timestamp and token')
        if (!signedBy(secrets, given, secret => hmac('sha256', secret, [signed, token], 'hex')))
          throw new Refused('bad_signature', 'the signature is not of this webhook signing key')
        checkTime(secondsOf(signed, Number.NaN), now, repeatMs)
        const event = eventOf(rawOf(raw['event-data']), now, userIdField)
        return event === undefined ? { events: [], leftOut: 1 } : { events: [event], leftOut: 0 }
      },
    }
  },
}

const kinds: Readonly<Record<string, MailEvent['kind']>> = {
  delivered: 'delivered',
  opened: 'opened',
  clicked: 'clicked',
  failed: 'bounced',
  rejected: 'bounced',
  complained: 'complained',
  unsubscribed: 'unsubscribed',
}

function eventOf(raw: Raw, now: number, userIdField: string): MailEvent | undefined {
  const kind = named(kinds, raw.event)
  const id = textOf(raw.id)
  if (kind === undefined || id === undefined) return undefined
  const at = secondsOf(raw.timestamp, now)
  const { headers } = rawOf(raw.message)
  const client = rawOf(raw['client-info'])
  const bot = textOf(client.bot)
  const campaign = rawOf(listOf(raw.campaigns)[0])
  return {
    kind,
    // An id is unique within a day.
    id: `${new Date(at).toISOString().slice(0, 10)}:${id}`,
    at,
    address: textOf(raw.recipient),
    userId: textOf(rawOf(raw['user-variables'])[userIdField]),
    emailId: textOf(rawOf(headers)['message-id']),
    subject: textOf(rawOf(headers).subject),
    campaignId: textOf(campaign.id),
    campaignName: textOf(campaign.name) ?? textOf(listOf(raw.tags)[0]),
    linkUrl: textOf(raw.url),
    listId: textOf(rawOf(raw['mailing-list']).address),
    ip: textOf(raw.ip),
    userAgent: textOf(client['user-agent']),
    flags: bot === undefined ? undefined : [`mailgun:${bot}`],
    bounce: kind === 'bounced' ? bounceOf(raw) : undefined,
  }
}

function bounceOf(raw: Raw): Bounce {
  const status = rawOf(raw['delivery-status'])
  const reason =
    textOf(status.message) ?? textOf(status.description) ?? textOf(rawOf(raw.reject).reason)
  if (raw.event === 'rejected' || /^suppress/.test(textOf(raw.reason) ?? ''))
    return { type: 'dropped', reason: reason ?? textOf(raw.reason) }
  return { type: raw.severity === 'temporary' ? 'soft' : 'hard', reason }
}
