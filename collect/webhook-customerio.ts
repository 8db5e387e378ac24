import type { Bounce, MailEvent } from './mail-event.ts'
import { jsonOf, named, type Raw, rawOf, secondsOf, textOf } from './webhook-fields.ts'
import { type Provider, Refused } from './webhook-provider.ts'
import { checkTime, hmac, needHeader, signedBy } from './webhook-verify.ts'

const weekMs = 7 * 24 * 3_600_000

/**
 * Customer.io's reporting webhooks: HMAC-SHA256, in hexadecimal, over `v0:<timestamp>:<raw body>`
 * (https://docs.customer.io/api/webhooks, «Securely verifying requests»). One event a request, repeated for seven days,
 * later ones waiting meanwhile; after 401, 403, 429 or 500 only an hour later, after another status sooner (same page).
 * It is not said whether a repeat is signed anew, so the first signature is taken for as long. The person's id there is
 * ours: what identifies people at Customer.io is what the customer's own program sent.
 */
export const customerio: Provider = {
  name: 'customerio',
  needs: [],
  repeatMs: weekMs,
  refusedStatus: 401,
  troubleStatus: 503,
  open({ secrets }) {
    return {
      admit(head) {
        needHeader(head, 'x-cio-signature', 'this is no request of Customer.io’s')
        needHeader(head, 'x-cio-timestamp', 'this is no request of Customer.io’s')
      },
      read(delivery) {
        const { body, now } = delivery
        const timestamp = delivery.header('x-cio-timestamp')
        const sign = (secret: string | Uint8Array) =>
          hmac('sha256', secret, [`v0:${timestamp}:`, body], 'hex')
        if (!signedBy(secrets, delivery.header('x-cio-signature'), sign))
          throw new Refused('bad_signature', 'the signature is not of this webhook signing key')
        checkTime(secondsOf(timestamp, Number.NaN), now, weekMs)
        const event = eventOf(rawOf(jsonOf(body)), now)
        return event === undefined ? { events: [], leftOut: 1 } : { events: [event], leftOut: 0 }
      },
    }
  },
}

const kinds: Readonly<Record<string, MailEvent['kind']>> = {
  'email delivered': 'delivered',
  'email opened': 'opened',
  'email clicked': 'clicked',
  'email bounced': 'bounced',
  'email dropped': 'bounced',
  'email spammed': 'complained',
  'customer unsubscribed': 'unsubscribed',
}

const bounces: Readonly<Record<string, Bounce['type']>> = { bounced: 'hard', dropped: 'dropped' }

function eventOf(raw: Raw, now: number): MailEvent | undefined {
  const kind = named(kinds, `${textOf(raw.object_type)} ${textOf(raw.metric)}`)
  const id = textOf(raw.event_id)
  if (kind === undefined || id === undefined) return undefined
  const fields = rawOf(raw.data)
  const identifiers = rawOf(fields.identifiers)
  const type = named(bounces, raw.metric)
  return {
    kind,
    id,
    at: secondsOf(raw.timestamp, now),
    address: textOf(fields.recipient) ?? textOf(identifiers.email) ?? textOf(fields.email_address),
    userId: textOf(identifiers.id) ?? textOf(fields.customer_id),
    emailId: textOf(fields.delivery_id),
    subject: textOf(fields.subject),
    campaignId:
      textOf(fields.campaign_id) ?? textOf(fields.newsletter_id) ?? textOf(fields.broadcast_id),
    linkId: textOf(fields.link_id),
    linkUrl: textOf(fields.href),
    ip: textOf(fields.ip_address),
    userAgent: textOf(fields.user_agent),
    bounce: type === undefined ? undefined : { type, reason: textOf(fields.failure_message) },
  }
}
