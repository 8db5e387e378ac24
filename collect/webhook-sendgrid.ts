import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { Bounce, MailEvent } from './mail-event.ts'
import { jsonOf, listOf, named, type Raw, rawOf, secondsOf, textOf } from './webhook-fields.ts'
import { type Contents, type Provider, Refused } from './webhook-provider.ts'
import { checkTime, needHeader } from './webhook-verify.ts'

const signatureHeader = 'x-twilio-email-event-webhook-signature'
const timestampHeader = 'x-twilio-email-event-webhook-timestamp'
const dayMs = 24 * 3_600_000

/**
 * SendGrid's Event Webhook, signed: ECDSA on P-256 with SHA-256 over the timestamp's text and the raw body
 * (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features).
 * The secret is the verification key, which is public. Events are repeated for 24 hours
 * (…/tracking-events/troubleshooting); it is not said whether a repeat is signed anew, so the first signature is taken
 * for as long. Events: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
 */
export const sendgrid: Provider = {
  name: 'sendgrid',
  needs: [],
  repeatMs: dayMs,
  refusedStatus: 401,
  troubleStatus: 429,
  open({ secrets, userIdField }) {
    const keys = secrets.map(publicKey)
    return {
      admit(head) {
        const what = 'switch the signed event webhook on at SendGrid'
        needHeader(head, signatureHeader, what)
        needHeader(head, timestampHeader, what)
      },
      read(delivery) {
        const { body, now } = delivery
        const timestamp = delivery.header(timestampHeader)
        const signature = Buffer.from(delivery.header(signatureHeader), 'base64')
        const signed = Buffer.concat([Buffer.from(timestamp), body])
        if (!keys.some(key => verify('sha256', signed, key, signature)))
          throw new Refused('bad_signature', 'the signature is not of this verification key')
        checkTime(secondsOf(timestamp, Number.NaN), now, dayMs)
        const raw = jsonOf(body)
        if (!Array.isArray(raw)) throw new Refused('not_readable', 'the body is no list of events')
        return contents(raw, now, userIdField)
      },
    }
  },
}

function contents(raw: readonly unknown[], now: number, userIdField: string): Contents {
  const events = raw.flatMap(each => eventOf(rawOf(each), now, userIdField) ?? [])
  return { events, leftOut: raw.length - events.length }
}

const kinds: Readonly<Record<string, MailEvent['kind']>> = {
  delivered: 'delivered',
  open: 'opened',
  click: 'clicked',
  bounce: 'bounced',
  dropped: 'bounced',
  spamreport: 'complained',
  unsubscribe: 'unsubscribed',
  group_unsubscribe: 'unsubscribed',
}

function eventOf(raw: Raw, now: number, userIdField: string): MailEvent | undefined {
  const kind = named(kinds, raw.event)
  const id = textOf(raw.sg_event_id)
  if (kind === undefined || id === undefined) return undefined
  const engaged = kind === 'opened' || kind === 'clicked'
  return {
    kind,
    id,
    at: secondsOf(raw.timestamp, now),
    address: textOf(raw.email),
    userId: textOf(raw[userIdField]),
    emailId: textOf(raw.sg_message_id)?.split(/\.(?:filter|recv)/)[0],
    campaignId: textOf(raw.singlesend_id) ?? textOf(raw.marketing_campaign_id),
    campaignName:
      textOf(raw.singlesend_name) ??
      textOf(raw.marketing_campaign_name) ??
      textOf(listOf(raw.category)[0] ?? raw.category),
    linkUrl: textOf(raw.url),
    listId: textOf(raw.asm_group_id),
    // Of the other events it is SendGrid's own.
    ip: engaged ? textOf(raw.ip) : undefined,
    userAgent: engaged ? textOf(raw.useragent) : undefined,
    flags: raw.sg_machine_open === true ? ['sendgrid:machine_open'] : undefined,
    bounce: kind === 'bounced' ? bounceOf(raw) : undefined,
  }
}

function bounceOf(raw: Raw): Bounce {
  const type =
    raw.event === 'dropped' ? 'dropped' : raw.type === 'blocked' ? 'blocked' : ('hard' as const)
  return { type, reason: textOf(raw.reason) }
}

function publicKey(secret: string): KeyObject {
  const key = secret.includes('BEGIN')
    ? createPublicKey(secret)
    : createPublicKey({ key: Buffer.from(secret, 'base64'), format: 'der', type: 'spki' })
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new TypeError('it is no key on the curve P-256')
  return key
}
