import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import type { WebhookEntry } from '../../collect/webhook-file.ts'
import { providers } from '../../collect/webhook-providers.ts'
import { selfSigned } from './certificate.ts'

/** A provider as it sends: what it signs, and how. */
export interface Sender {
  readonly entry: WebhookEntry
  /** The events of one request as the provider has them; `at` is when it signs, epoch ms. */
  send(events: readonly unknown[], at: number, secret?: string): Sent
  /** Whether it signs a time. */
  readonly timed: boolean
  /** One event of each kind that is an event for us too, by the name of what it becomes. */
  readonly refused: number
  readonly trouble: number
}

export interface Sent {
  readonly url: string
  readonly payload: string
  readonly headers: Record<string, string>
}

const SECRET = 'a-secret-for-tests'
const WRONG = 'another-secret'
const json = { 'content-type': 'application/json' }
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const hmac = (kind: string, secret: string | Buffer, text: string) =>
  createHmac(kind, secret).update(text)
const one = (events: readonly unknown[]) => JSON.stringify(events[0])
const seconds = (at: number) => String(Math.floor(at / 1000))

function entry(name: string, settings: Partial<WebhookEntry> = {}): WebhookEntry {
  const provider = providers.find(each => each.name === name)
  if (provider === undefined) throw new Error(`no provider ${name}`)
  const common = { source: name, secrets: [SECRET], userIdField: 'user_id', keepAddress: false }
  return { provider, name: '', ...common, ...settings }
}

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const otherEc = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const sendgridKey = ec.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')

const sendgrid: Sender = {
  entry: entry('sendgrid', { secrets: [sendgridKey] }),
  timed: true,
  refused: 401,
  trouble: 429,
  send(events, at, secret) {
    const payload = `${JSON.stringify(events)}\r\n`
    const key = secret === undefined ? ec.privateKey : otherEc.privateKey
    return {
      url: '/v1/webhooks/sendgrid',
      payload,
      headers: {
        ...json,
        'x-twilio-email-event-webhook-timestamp': seconds(at),
        'x-twilio-email-event-webhook-signature': sign(
          'sha256',
          Buffer.from(seconds(at) + payload),
          key,
        ).toString('base64'),
      },
    }
  },
}

const mailgun: Sender = {
  entry: entry('mailgun'),
  timed: true,
  refused: 406,
  trouble: 503,
  send(events, at, secret = SECRET) {
    const [timestamp, token] = [seconds(at), 'f'.repeat(50)]
    const signature = hmac('sha256', secret, timestamp + token).digest('hex')
    const whole = { signature: { timestamp, token, signature }, 'event-data': events[0] }
    return { url: '/v1/webhooks/mailgun', payload: JSON.stringify(whole), headers: json }
  },
}

const mandrillUrl = 'https://collect.shop.example/v1/webhooks/mandrill?a=b'
const mandrill: Sender = {
  entry: entry('mandrill', { url: mandrillUrl }),
  timed: false,
  refused: 401,
  trouble: 503,
  send(events, _at, secret = SECRET) {
    const text = JSON.stringify(events)
    const signature = hmac('sha1', secret, `${mandrillUrl}mandrill_events${text}`).digest('base64')
    return {
      url: '/v1/webhooks/mandrill?a=b',
      payload: new URLSearchParams({ mandrill_events: text }).toString(),
      headers: { ...form, 'x-mandrill-signature': signature },
    }
  },
}

const mailchimp: Sender = {
  entry: entry('mailchimp'),
  timed: false,
  refused: 401,
  trouble: 503,
  send(events, _at, secret = SECRET) {
    const fields = events[0] as Record<string, string>
    return {
      url: `/v1/webhooks/mailchimp?secret=${secret}`,
      payload: new URLSearchParams(fields).toString(),
      headers: form,
    }
  },
}

const postmark: Sender = {
  entry: entry('postmark', { username: 'postmark' }),
  timed: false,
  refused: 403,
  trouble: 503,
  send: (events, _at, secret = SECRET) => ({
    url: '/v1/webhooks/postmark',
    payload: one(events),
    headers: { ...json, authorization: `Basic ${btoa(`postmark:${secret}`)}` },
  }),
}

const customerio: Sender = {
  entry: entry('customerio'),
  timed: true,
  refused: 401,
  trouble: 503,
  send(events, at, secret = SECRET) {
    const payload = one(events)
    const signature = hmac('sha256', secret, `v0:${seconds(at)}:${payload}`).digest('hex')
    const headers = { ...json, 'x-cio-timestamp': seconds(at), 'x-cio-signature': signature }
    return { url: '/v1/webhooks/customerio', payload, headers }
  },
}

const whsec = (secret: string) => `whsec_${btoa(`${secret} of 16 bytes and more`)}`
export const resendSecret = whsec(SECRET)
const resend: Sender = {
  entry: entry('resend', { secrets: [resendSecret] }),
  timed: true,
  refused: 401,
  trouble: 503,
  send(events, at, secret = SECRET) {
    // The id is Svix's own, beside the event.
    const { svixId = 'msg_1', ...event } = events[0] as { svixId?: string }
    const payload = JSON.stringify(event)
    const key = Buffer.from(whsec(secret).slice(6), 'base64')
    const text = `${svixId}.${seconds(at)}.${payload}`
    const signature = `v1,${hmac('sha256', key, text).digest('base64')}`
    return {
      url: '/v1/webhooks/resend',
      payload,
      headers: {
        ...json,
        'svix-id': svixId,
        'svix-timestamp': seconds(at),
        'svix-signature': `v1,b2xkZXI= ${signature}`,
      },
    }
  },
}

const sparkpost: Sender = {
  entry: entry('sparkpost'),
  timed: false,
  refused: 401,
  trouble: 503,
  send: (events, _at, secret = SECRET) => ({
    url: '/v1/webhooks/sparkpost',
    payload: JSON.stringify(events),
    headers: { ...json, authorization: `Bearer ${secret}` },
  }),
}

const year = 365 * 24 * 3_600_000
const from2020 = new Date(Date.UTC(2020))
export const snsCertificate = selfSigned(from2020, new Date(from2020.getTime() + 50 * year))
const otherCertificate = selfSigned(from2020, new Date(from2020.getTime() + 50 * year))
export const snsTopic = 'arn:aws:sns:eu-west-1:123456789012:mail'
export const snsCertificateUrl =
  'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem'

/** A message of SNS, signed: fields in the order of their names, a name and a value on a line each. */
export function snsMessage(
  fields: Record<string, string>,
  { version = '1', wrong = false }: { version?: '1' | '2'; wrong?: boolean } = {},
): Record<string, string> {
  const message: Record<string, string> = { TopicArn: snsTopic, ...fields }
  const names =
    message.Type === 'Notification'
      ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
  const text = names
    .filter(name => message[name] !== undefined)
    .map(name => `${name}\n${message[name]}\n`)
    .join('')
  const { privateKey } = wrong ? otherCertificate : snsCertificate
  const Signature = sign(version === '1' ? 'sha1' : 'sha256', Buffer.from(text), privateKey)
  return {
    SigningCertURL: snsCertificateUrl,
    ...message,
    SignatureVersion: version,
    Signature: Signature.toString('base64'),
  }
}

const ses: Sender = {
  entry: entry('ses', { secrets: [], topics: [snsTopic] }),
  timed: true,
  refused: 403,
  trouble: 503,
  send(events, at, secret) {
    const { snsId = 'sns-1', ...event } = events[0] as { snsId?: string }
    const fields = {
      Type: 'Notification',
      MessageId: snsId,
      Timestamp: new Date(at).toISOString(),
      Message: JSON.stringify(event),
    }
    const payload = JSON.stringify(snsMessage(fields, { wrong: secret !== undefined }))
    return { url: '/v1/webhooks/ses', payload, headers: { 'content-type': 'text/plain' } }
  },
}

export const senders = {
  customerio,
  mailchimp,
  mailgun,
  mandrill,
  postmark,
  resend,
  sendgrid,
  ses,
  sparkpost,
}
export { SECRET, WRONG }
