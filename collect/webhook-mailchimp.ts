import { createHash } from 'node:crypto'
import type { MailEvent } from './mail-event.ts'
import { textOf } from './webhook-fields.ts'
import { type Head, type Provider, Refused } from './webhook-provider.ts'
import { signedBy } from './webhook-verify.ts'

/**
 * Mailchimp's webhooks of an audience: nothing is signed; the secret is in the URL, `?secret=…`, as Mailchimp
 * recommends, and a new URL is tried with GET
 * (https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/). Form-encoded, one event a request.
 * For how long it repeats is not published; ids are remembered for a day. There are none of its own: what happened to
 * one address at one second counts once.
 * The only place for our user id is a merge field, whose tags are upper case: `USER_ID`.
 */
export const mailchimp: Provider = {
  name: 'mailchimp',
  needs: [],
  repeatMs: 24 * 3_600_000,
  refusedStatus: 401,
  troubleStatus: 503,
  probes: ['GET', 'HEAD'],
  open({ secrets, userIdField }) {
    const admit = (head: Head) => {
      const given = head.query('secret')
      if (given === '')
        throw new Refused('no_signature', 'the URL has no ?secret=: add it at Mailchimp')
      if (!signedBy(secrets, given, secret => String(secret)))
        throw new Refused('bad_signature', 'the secret in the URL is wrong')
    }
    return {
      admit,
      probe: admit,
      read({ body, now }) {
        const parameters = new URLSearchParams(body.toString('utf8'))
        const event = eventOf(name => textOf(parameters.get(name)), now, userIdField)
        if (event === undefined && !parameters.has('type'))
          throw new Refused('not_readable', 'the body is no form with a type')
        return event === undefined ? { events: [], leftOut: 1 } : { events: [event], leftOut: 0 }
      },
    }
  },
}

/** An address is cleaned out of an audience when it bounced for good, or complained. */
function eventOf(
  field: (name: string) => string | undefined,
  now: number,
  userIdField: string,
): MailEvent | undefined {
  const type = field('type')
  const address = field('data[email]')
  if ((type !== 'unsubscribe' && type !== 'cleaned') || address === undefined) return undefined
  const complained = field('data[reason]') === 'abuse'
  const cleaned = complained ? 'complained' : 'bounced'
  const kind = type === 'unsubscribe' ? 'unsubscribed' : cleaned
  const listId = field('data[list_id]')
  const firedAt = field('fired_at') ?? ''
  // In UTC, and not said so: 2026-11-22 10:00:00
  const at = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(firedAt)
    ? Date.parse(`${firedAt.replace(' ', 'T')}Z`)
    : Number.NaN
  const hash = createHash('sha256').update(
    `${type}\n${complained}\n${listId}\n${address.toLowerCase()}\n${firedAt}`,
  )
  return {
    kind,
    id: hash.digest('base64url').slice(0, 27),
    at: Number.isFinite(at) ? at : now,
    address,
    userId: field(`data[merges][${userIdField.toUpperCase()}]`),
    campaignId: field('data[campaign_id]'),
    listId,
    bounce: kind === 'bounced' ? { type: 'hard' } : undefined,
  }
}
