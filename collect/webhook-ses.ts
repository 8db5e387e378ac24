import type { Bounce, MailEvent } from './mail-event.ts'
import { type Notification, snsReader, snsRepeatMs } from './sns.ts'
import { addressIn, isoOf, jsonOf, listOf, type Raw, rawOf, textOf } from './webhook-fields.ts'
import type { Contents, Provider } from './webhook-provider.ts'

/**
 * Amazon SES through SNS, see sns.ts: event publishing
 * (https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html) and the older notifications.
 * SNS asks again after 5xx; other answers are for good, so our own trouble is always 503. Our user id: the message tag
 * `user_id`, or, for ids that a tag cannot have, the header `X-User-Id` of the mail.
 */
export const ses: Provider = {
  name: 'ses',
  needs: ['topics'],
  secretless: true,
  repeatMs: snsRepeatMs,
  refusedStatus: 403,
  troubleStatus: 503,
  open(settings) {
    const readSns = snsReader(settings)
    return {
      async read(delivery) {
        const notification = await readSns(delivery)
        if (notification === undefined) return { events: [], leftOut: 0 }
        return contents(notification, settings.userIdField)
      },
    }
  },
}

const TRYING = 'Successfully validated SNS topic'

function contents(notification: Notification, userIdField: string): Contents {
  if (notification.message.startsWith(TRYING)) return { events: [], leftOut: 1 }
  const raw = rawOf(jsonOf(notification.message))
  const happened = happenedOf(raw)
  if (happened === undefined) return { events: [], leftOut: 1 }
  const { kind, part, bounce } = happened
  const mail = rawOf(raw.mail)
  const userId = userIdOf(mail, userIdField)
  const told = recipientsOf(kind, part)
  const all = listOf(mail.destination).map(address => ({ address, reason: undefined }))
  // Who of several opened or clicked is not said.
  if (told.length === 0 && all.length > 1 && userId === undefined) return { events: [], leftOut: 1 }
  const recipients = told.length > 0 ? told : all.length === 1 ? all : [undefined]
  const campaign = textOf(listOf(rawOf(mail.tags).campaign)[0])
  const events = recipients.slice(0, 50).map(
    (recipient, at): MailEvent => ({
      kind,
      id: recipients.length === 1 ? notification.id : `${notification.id}:${at}`,
      at: isoOf(part.timestamp, notification.at),
      address: addressIn(recipient?.address),
      userId: recipients.length === 1 ? userId : undefined,
      emailId: textOf(mail.messageId),
      subject: textOf(rawOf(mail.commonHeaders).subject),
      campaignName: campaign,
      listId: textOf(part.contactList),
      linkUrl: textOf(part.link),
      ip: textOf(part.ipAddress),
      userAgent: kind === 'complained' ? undefined : textOf(part.userAgent),
      bounce: bounce && { ...bounce, reason: recipient?.reason ?? bounce.reason },
    }),
  )
  return { events, leftOut: 0 }
}

interface Happened {
  readonly kind: MailEvent['kind']
  readonly part: Raw
  readonly bounce?: Bounce
}

function happenedOf(raw: Raw): Happened | undefined {
  switch (raw.eventType ?? raw.notificationType) {
    case 'Delivery':
      return { kind: 'delivered', part: rawOf(raw.delivery) }
    case 'Open':
      return { kind: 'opened', part: rawOf(raw.open) }
    case 'Click':
      return { kind: 'clicked', part: rawOf(raw.click) }
    case 'Complaint':
      return { kind: 'complained', part: rawOf(raw.complaint) }
    case 'Bounce': {
      const part = rawOf(raw.bounce)
      const type = part.bounceType === 'Transient' ? 'soft' : 'hard'
      const suppressed = /Suppress/.test(textOf(part.bounceSubType) ?? '')
      return { kind: 'bounced', part, bounce: { type: suppressed ? 'dropped' : type } }
    }
    case 'Reject': {
      const part = rawOf(raw.reject)
      return { kind: 'bounced', part, bounce: { type: 'dropped', reason: textOf(part.reason) } }
    }
    case 'Subscription': {
      const part = rawOf(raw.subscription)
      const gone = rawOf(part.newTopicPreferences).unsubscribeAll === true
      return gone ? { kind: 'unsubscribed', part } : undefined
    }
    default:
      return undefined
  }
}

function recipientsOf(kind: MailEvent['kind'], part: Raw) {
  if (kind === 'delivered')
    return listOf(part.recipients).map(address => ({ address, reason: undefined }))
  return listOf(part.bouncedRecipients ?? part.complainedRecipients).map(each => {
    const { emailAddress, diagnosticCode } = rawOf(each)
    return { address: emailAddress, reason: textOf(diagnosticCode) }
  })
}

function userIdOf(mail: Raw, userIdField: string): string | undefined {
  const tagged = textOf(listOf(rawOf(mail.tags)[userIdField])[0])
  if (tagged !== undefined) return tagged
  const header = `x-${userIdField.replaceAll('_', '-')}`.toLowerCase()
  const found = listOf(mail.headers).find(
    each => textOf(rawOf(each).name)?.toLowerCase() === header,
  )
  return textOf(rawOf(found).value)
}
