import type { Bounce, MailEvent } from './mail-event.ts'
import { isoOf, jsonOf, named, type Raw, rawOf, secondsOf, textOf } from './webhook-fields.ts'
import { type Head, type Provider, Refused } from './webhook-provider.ts'
import { needBasic, signedBy } from './webhook-verify.ts'

/**
 * SparkPost: nothing is signed; by basic authentication, where the entry has a username, else by an OAuth bearer token
 * (https://developers.sparkpost.com/api/webhooks/). A batch is repeated for 8 hours until it is answered 200; each
 * event has an id (same page). A new or changed URL is tried with a batch of one empty event.
 */
export const sparkpost: Provider = {
  name: 'sparkpost',
  needs: [],
  takes: ['username'],
  repeatMs: 8 * 3_600_000,
  refusedStatus: 401,
  troubleStatus: 503,
  open({ secrets, username, userIdField }) {
    return {
      admit: head =>
        username === undefined ? needBearer(head, secrets) : needBasic(head, username, secrets),
      read({ body, now }) {
        const raw = jsonOf(body)
        if (!Array.isArray(raw)) throw new Refused('not_readable', 'the body is no list of events')
        const events = raw.flatMap(each => eventOf(rawOf(rawOf(each).msys), now, userIdField) ?? [])
        return { events, leftOut: raw.length - events.length }
      },
    }
  },
}

function needBearer(head: Head, secrets: readonly string[]): void {
  const [, token = ''] = /^bearer +(\S{1,4096})$/i.exec(head.header('authorization')) ?? []
  if (token === '') throw new Refused('no_signature', 'expected a bearer token')
  if (!signedBy(secrets, token, secret => String(secret)))
    throw new Refused('bad_signature', 'the bearer token is wrong')
}

/** `initial_open` is left out: the `open` of the pixel at the end of the mail is counted. */
const kinds: Readonly<Record<string, MailEvent['kind']>> = {
  delivery: 'delivered',
  open: 'opened',
  amp_open: 'opened',
  click: 'clicked',
  amp_click: 'clicked',
  bounce: 'bounced',
  out_of_band: 'bounced',
  policy_rejection: 'bounced',
  generation_rejection: 'bounced',
  generation_failure: 'bounced',
  spam_complaint: 'complained',
  list_unsubscribe: 'unsubscribed',
  link_unsubscribe: 'unsubscribed',
}

function eventOf(msys: Raw, now: number, userIdField: string): MailEvent | undefined {
  const raw = rawOf(Object.values(msys)[0])
  const type = textOf(raw.type) ?? ''
  const kind = named(kinds, type)
  const id = textOf(raw.event_id)
  const bounced = kind === 'bounced' ? bounceOf(type, raw) : undefined
  if (kind === undefined || id === undefined || bounced === 'none') return undefined
  const agent = rawOf(raw.user_agent_parsed)
  const engaged = kind === 'opened' || kind === 'clicked'
  return {
    kind,
    id,
    at: secondsOf(raw.timestamp, isoOf(raw.timestamp, now)),
    address: textOf(raw.raw_rcpt_to) ?? textOf(raw.rcpt_to),
    userId: textOf(rawOf(raw.rcpt_meta)[userIdField]),
    emailId: textOf(raw.message_id) ?? textOf(raw.transmission_id),
    subject: textOf(raw.subject),
    campaignName: textOf(raw.campaign_id),
    linkId: textOf(raw.target_link_name),
    linkUrl: textOf(raw.target_link_url),
    // Of the other events it is the server that the mail went to.
    ip: engaged ? textOf(raw.ip_address) : undefined,
    userAgent: engaged ? textOf(raw.user_agent) : undefined,
    flags: [
      ...(agent.is_prefetched === true ? ['sparkpost:prefetched'] : []),
      ...(agent.is_proxy === true ? ['sparkpost:proxy'] : []),
    ],
    bounce: bounced,
  }
}

/** By class (https://support.sparkpost.com/docs/deliverability/bounce-classification-codes); some are no bounces. */
function bounceOf(type: string, raw: Raw): Bounce | 'none' {
  const reason = textOf(raw.reason) ?? textOf(raw.raw_reason)
  if (/^(policy|generation)_/.test(type)) return { type: 'dropped', reason }
  const bounceClass = textOf(raw.bounce_class) ?? ''
  if (['60', '80', '90', '100'].includes(bounceClass)) return 'none'
  if (/^(20|21|22|23|24|40|70)$/.test(bounceClass)) return { type: 'soft', reason }
  if (/^(25|50|51|52|53|54)$/.test(bounceClass)) return { type: 'blocked', reason }
  return { type: 'hard', reason }
}
