import type { Bounce, MailEvent } from './mail-event.ts'
import {
  addressIn,
  isoOf,
  jsonOf,
  listOf,
  named,
  type Raw,
  rawOf,
  secondsOf,
  textOf,
} from './webhook-fields.ts'
import { type Provider, Refused } from './webhook-provider.ts'
import { checkTime, hmac, needHeader, signedBy } from './webhook-verify.ts'

const SIGNATURES_MAX = 10

/**
 * Resend, through Svix: HMAC-SHA256, in base64, over `<id>.<timestamp>.<raw body>`; the header has one signature or
 * several, `v1,…` separated by spaces, while a secret is being replaced (https://docs.svix.com/receiving/verifying-payloads/how-manual).
 * The secret is `whsec_` and base64. Each attempt is signed with its own time
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md), so five minutes are
 * enough; it is repeated, by its id, for about 28 hours (https://docs.svix.com/retries).
 */
export const resend: Provider = {
  name: 'resend',
  needs: [],
  repeatMs: 28 * 3_600_000,
  refusedStatus: 401,
  troubleStatus: 503,
  open({ secrets, userIdField }) {
    const keys = secrets.map(keyOf)
    return {
      admit(head) {
        for (const name of ['svix-id', 'svix-timestamp', 'svix-signature'])
          needHeader(head, name, 'this is no request of Resend’s')
      },
      read(delivery) {
        const { body, now } = delivery
        const [id, timestamp] = [delivery.header('svix-id'), delivery.header('svix-timestamp')]
        const sign = (key: string | Uint8Array) =>
          `v1,${hmac('sha256', key, [`${id}.${timestamp}.`, body], 'base64')}`
        const signatures = delivery.header('svix-signature').split(' ', SIGNATURES_MAX)
        if (!signatures.some(signature => signedBy(keys, signature, sign)))
          throw new Refused('bad_signature', 'no signature is of this signing secret')
        checkTime(secondsOf(timestamp, Number.NaN), now, 0)
        const event = eventOf(rawOf(jsonOf(body)), id, now, userIdField)
        return event === undefined ? { events: [], leftOut: 1 } : { events: [event], leftOut: 0 }
      },
    }
  },
}

const kinds: Readonly<Record<string, MailEvent['kind']>> = {
  'email.delivered': 'delivered',
  'email.opened': 'opened',
  'email.clicked': 'clicked',
  'email.bounced': 'bounced',
  'email.failed': 'bounced',
  'email.suppressed': 'bounced',
  'email.complained': 'complained',
}

function eventOf(raw: Raw, id: string, now: number, userIdField: string): MailEvent | undefined {
  const name = textOf(raw.type) ?? ''
  const kind = named(kinds, name)
  if (kind === undefined) return undefined
  const mail = rawOf(raw.data)
  const done = rawOf(kind === 'clicked' ? mail.click : mail.open)
  const to = Array.isArray(mail.to) ? mail.to : [mail.to]
  return {
    kind,
    id,
    at: isoOf(done.timestamp, isoOf(raw.created_at, now)),
    // With several nobody says which of them it was.
    address: to.length === 1 ? addressIn(to[0]) : undefined,
    userId: tagOf(mail.tags, userIdField),
    emailId: textOf(mail.email_id),
    subject: textOf(mail.subject),
    campaignId: textOf(mail.broadcast_id),
    campaignName: tagOf(mail.tags, 'campaign'),
    linkUrl: textOf(done.link),
    ip: textOf(done.ipAddress),
    userAgent: textOf(done.userAgent),
    bounce: kind === 'bounced' ? bounceOf(name, mail) : undefined,
  }
}

/** Tags come as an object, and came as a list of names and values. */
function tagOf(tags: unknown, name: string): string | undefined {
  const listed = listOf(tags).find(tag => rawOf(tag).name === name)
  return textOf(listed === undefined ? rawOf(tags)[name] : rawOf(listed).value)
}

function bounceOf(name: string, mail: Raw): Bounce {
  const bounce = rawOf(mail.bounce)
  const reason = textOf(bounce.message) ?? textOf(rawOf(mail.failed).reason)
  if (name !== 'email.bounced' || bounce.subType === 'Suppressed')
    return { type: 'dropped', reason }
  return { type: bounce.type === 'Transient' ? 'soft' : 'hard', reason }
}

function keyOf(secret: string): Uint8Array {
  const encoded = secret.replace(/^whsec_/, '')
  const key = Buffer.from(encoded, 'base64')
  if (!/^[\w+/-]+=*$/.test(encoded) || key.length < 16)
    throw new TypeError('expected whsec_ and at least 16 bytes in base64')
  return key
}
