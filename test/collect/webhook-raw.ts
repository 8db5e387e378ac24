/** What providers send, in the shapes that their documentation shows; people and ids are made up. */

/** 2026-11-22T09:58:00Z, two minutes before the tests' present. */
export const AT = Date.UTC(2026, 10, 22, 9, 58)
export const iso = new Date(AT).toISOString()
export const s = AT / 1000
export const ADDRESS = 'Bob.Builder@Example.com'
export const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'
export const ip = '203.0.113.7'
export const link = 'https://shop.example/sale'
export const refused = `550 5.1.1 <${ADDRESS.toLowerCase()}>: Recipient address rejected`
export const rejected = '550 5.1.1 <[address]>: Recipient address rejected'

let count = 0
const id = () => `event-${++count}`

export const grid = (event: string, more: object = {}) => ({
  email: ADDRESS,
  timestamp: s,
  event,
  sg_event_id: id(),
  sg_message_id: '14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0',
  category: ['sale'],
  user_id: 'u-7',
  ...more,
})
export const gun = (event: string, more: object = {}) => ({
  event,
  id: id(),
  timestamp: s + 0.25,
  recipient: ADDRESS,
  message: { headers: { 'message-id': '20261122.1@shop.example', subject: 'Sale' } },
  'user-variables': { user_id: 'u-7' },
  tags: ['sale'],
  campaigns: [],
  ...more,
})
export const drill = (event: string, more: object = {}) => ({
  event,
  _id: id(),
  ts: s,
  msg: { email: ADDRESS, subject: 'Sale', tags: ['sale'], metadata: { user_id: 111 } },
  ...more,
})
export const mark = (RecordType: string, more: object = {}) => ({
  RecordType,
  MessageID: id(),
  Recipient: ADDRESS,
  Tag: 'sale',
  Metadata: { user_id: 'u-7' },
  ...more,
})
export const cio = (metric: string, more: object = {}, object_type = 'email') => ({
  event_id: id(),
  object_type,
  metric,
  timestamp: s,
  data: {
    customer_id: 'u-7',
    identifiers: { id: 'u-7', email: ADDRESS },
    delivery_id: 'RPILAgUBcRhIBqSfeiIwdIYJKxTY',
    campaign_id: 23,
    recipient: ADDRESS,
    subject: 'Sale',
    ...more,
  },
})
export const send = (type: string, more: object = {}) => ({
  svixId: id(),
  type,
  created_at: iso,
  data: {
    created_at: iso,
    email_id: '56761188-7520-42d8-8898-ff6fc54ce618',
    from: 'Shop <shop@shop.example>',
    to: [`Bob <${ADDRESS}>`],
    subject: 'Sale',
    tags: { user_id: 'u-7' },
    ...more,
  },
})
export const spark = (type: string, more: object = {}, group = 'message_event') => ({
  msys: {
    [group]: {
      type,
      event_id: id(),
      timestamp: String(s),
      rcpt_to: ADDRESS.toLowerCase(),
      raw_rcpt_to: ADDRESS,
      rcpt_meta: { user_id: 'u-7' },
      message_id: '000443ee14578172be22',
      campaign_id: 'sale',
      subject: 'Sale',
      ...more,
    },
  },
})
export const amazon = (eventType: string, part: object) => ({
  snsId: id(),
  eventType,
  mail: {
    timestamp: iso,
    messageId: 'EXAMPLE7c191be45-e9aedb9a',
    destination: [ADDRESS],
    headers: [{ name: 'X-User-Id', value: 'u-7' }],
    commonHeaders: { subject: 'Sale' },
    tags: { campaign: ['sale'] },
  },
  [eventType.toLowerCase()]: part,
})
export const chimp = (type: string, more: Record<string, string> = {}) => ({
  type,
  fired_at: iso.slice(0, 19).replace('T', ' '),
  'data[id]': id(),
  'data[email]': ADDRESS,
  'data[list_id]': 'a6b5da1054',
  'data[merges][USER_ID]': 'u-7',
  ...more,
})

/** Events that are about no mail that a person got, or say nothing that a feature could use. */
export const leftOut: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> = {
  sendgrid: [grid('processed'), grid('deferred'), grid('group_resubscribe'), {}],
  mailgun: [gun('accepted'), gun('stored'), {}],
  mandrill: [drill('send'), drill('deferral'), { type: 'whitelist' }],
  mailchimp: [chimp('subscribe'), chimp('profile'), chimp('campaign'), chimp('upemail')],
  postmark: [
    mark('SubscriptionChange', { SuppressSending: false }),
    mark('Bounce', { Type: 'AutoResponder' }),
    mark('Inbound'),
  ],
  customerio: [cio('sent'), cio('converted'), cio('opened', {}, 'push'), {}],
  resend: [send('email.sent'), send('email.delivery_delayed'), send('contact.created')],
  sparkpost: [
    { msys: {} },
    spark('initial_open'),
    spark('delay'),
    spark('injection'),
    spark('bounce', { bounce_class: '60' }),
  ],
  ses: [amazon('Send', {}), amazon('DeliveryDelay', {}), amazon('Rendering Failure', {})],
}

/**
 * What providers send, in the shapes that their documentation shows: for each kind of event the provider's own, and what
 * it becomes. Names of the fields are the providers' own; people and ids are made up.
 */
export interface Example {
  readonly raw: Readonly<Record<string, unknown>>
  readonly event: string
  readonly properties?: Readonly<Record<string, unknown>>
  readonly verdict?: string
}

export const [delivered, opened, clicked] = [
  'Email Delivered',
  'Email Opened',
  'Email Link Clicked',
]
export const [bounced, spam, gone] = ['Email Bounced', 'Email Marked as Spam', 'Unsubscribed']
export const is = (
  event: string,
  raw: Example['raw'],
  properties?: Example['properties'],
  verdict?: string,
): Example => ({
  event,
  raw,
  ...(properties && { properties }),
  ...(verdict !== undefined && { verdict }),
})
export const done = { ip, useragent: CHROME }
