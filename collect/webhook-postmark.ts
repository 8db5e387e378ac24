import { createHash } from 'node:crypto'
import type { Bounce, MailEvent } from './mail-event.ts'
import { isoOf, jsonOf, type Raw, rawOf, textOf } from './webhook-fields.ts'
import { type Provider, Refused } from './webhook-provider.ts'
import { needBasic } from './webhook-verify.ts'

/**
 * Postmark: nothing is signed; user and secret are put into the webhook, and come by basic authentication
 * (https://postmarkapp.com/developer/webhooks/webhooks-overview). One event a request, repeated at most ten times
 * within 10.5 hours unless it was answered 200, or 403, which ends it
 * (https://postmarkapp.com/support/article/understanding-inbound-webhook-retries-in-postmark). Bounces and complaints have
 * an id; of the others the message, the address and the time make one.
 */
export const postmark: Provider = {
  name: 'postmark',
  needs: ['username'],
  repeatMs: 10.5 * 3_600_000,
  refusedStatus: 403,
  troubleStatus: 503,
  open({ secrets, username = '', userIdField }) {
    return {
      admit: head => needBasic(head, username, secrets),
      read({ body, now }) {
        const raw = rawOf(jsonOf(body))
        if (textOf(raw.RecordType) === undefined)
          throw new Refused('not_readable', 'the body has no RecordType')
        const event = eventOf(raw, now, userIdField)
        return event === undefined ? { events: [], leftOut: 1 } : { events: [event], leftOut: 0 }
      },
    }
  },
}

function eventOf(raw: Raw, now: number, userIdField: string): MailEvent | undefined {
  const kind = kindOf(raw)
  if (kind === undefined) return undefined
  const time = raw.DeliveredAt ?? raw.ReceivedAt ?? raw.BouncedAt ?? raw.ChangedAt
  const address = textOf(raw.Recipient) ?? textOf(raw.Email)
  const type = String(raw.RecordType).toLowerCase()
  const parts = [raw.MessageID, address, time, raw.OriginalLink]
  const id = createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 27)
  return {
    kind,
    id: `${type}:${textOf(raw.ID) ?? id}`,
    at: isoOf(time, now),
    address,
    userId: textOf(rawOf(raw.Metadata)[userIdField]),
    emailId: textOf(raw.MessageID),
    subject: textOf(raw.Subject),
    campaignName: textOf(raw.Tag),
    linkUrl: textOf(raw.OriginalLink),
    ip: textOf(rawOf(raw.Geo).IP),
    userAgent: textOf(raw.UserAgent),
    bounce: kind === 'bounced' ? bounceOf(raw) : undefined,
  }
}

function kindOf(raw: Raw): MailEvent['kind'] | undefined {
  switch (raw.RecordType) {
    case 'Delivery':
      return 'delivered'
    case 'Open':
      return 'opened'
    case 'Click':
      return 'clicked'
    case 'SpamComplaint':
      return 'complained'
    case 'Bounce':
      return bounceKind(textOf(raw.Type) ?? '')
    case 'SubscriptionChange':
      // The other way round it is a return; and after a bounce or a complaint those are told as well.
      return raw.SuppressSending === true && raw.SuppressionReason === 'ManualSuppression'
        ? 'unsubscribed'
        : undefined
    default:
      return undefined
  }
}

/** Postmark calls all that comes back a bounce (https://postmarkapp.com/developer/api/bounce-api#bounce-types). */
function bounceKind(type: string): MailEvent['kind'] | undefined {
  if (type === 'SpamComplaint') return 'complained'
  if (type === 'Unsubscribe') return 'unsubscribed'
  const none = [
    'AutoResponder',
    'Subscribe',
    'AddressChange',
    'OpenRelayTest',
    'ChallengeVerification',
  ]
  return none.includes(type) ? undefined : 'bounced'
}

function bounceOf(raw: Raw): Bounce {
  const type = textOf(raw.Type) ?? ''
  const reason = textOf(raw.Details) ?? textOf(raw.Description)
  if (/^(Transient|SoftBounce|DnsError|InboundError)$/.test(type)) return { type: 'soft', reason }
  if (
    /^(Blocked|SpamNotification|DMARCPolicy|TemplateRenderingFailed|VirusNotification)$/.test(type)
  )
    return { type: 'blocked', reason }
  return { type: type === 'ManuallyDeactivated' ? 'dropped' : 'hard', reason }
}
