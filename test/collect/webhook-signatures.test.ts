import { createHmac } from 'node:crypto'
import https from 'node:https'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { assert, suite } from '../harness.ts'
import { NOW } from './door-world.ts'
import { examples } from './webhook-examples.ts'
import {
  resendSecret,
  SECRET,
  senders,
  sendgridKey,
  snsCertificate,
  snsMessage,
} from './webhook-senders.ts'
import { statusOf, world } from './webhook-world.ts'

const test = suite('webhooks beside their providers’ own libraries')
const require = createRequire(import.meta.url)

test('SendGrid: the example of its own library is let in, and what we sign that library lets in', async () => {
  const { EventWebhook } = require('@sendgrid/eventwebhook') as {
    EventWebhook: new () => {
      convertPublicKeyToECDSA(key: string): unknown
      verifySignature(key: unknown, body: string, signature: string, time: string): boolean
    }
  }
  const key =
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=='
  const signature =
    'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM='
  const body = `${JSON.stringify([
    {
      email: 'hello@world.com',
      event: 'dropped',
      reason: 'Bounced Address',
      sg_event_id: 'ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA',
      sg_message_id: 'LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0',
      'smtp-id': '<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>',
      timestamp: 1600112492,
    },
  ])}\r\n`
  const doors = world({ ...senders.sendgrid.entry, secrets: [sendgridKey, key] })
  doors.now = 1600112502_000
  const headers = {
    'x-twilio-email-event-webhook-timestamp': '1600112502',
    'x-twilio-email-event-webhook-signature': signature,
  }
  const sent = { url: '/v1/webhooks/sendgrid', payload: body, headers }
  assert.is(await statusOf(doors, sent), 200)
  assert.is(doors.events[0]?.properties.email_id, 'LRzXl_NHStOGhQ4kofSm_A')

  const own = senders.sendgrid.send(examples.sendgrid?.map(({ raw }) => raw) ?? [], NOW)
  const theirs = new EventWebhook()
  const [time = '', signed = ''] = [
    own.headers['x-twilio-email-event-webhook-timestamp'],
    own.headers['x-twilio-email-event-webhook-signature'],
  ]
  const theirKey = theirs.convertPublicKeyToECDSA(sendgridKey)
  assert.ok(theirs.verifySignature(theirKey, own.payload, signed, time))
})

test('Resend: what the library of Standard Webhooks signs is let in, and with a replaced secret too', async () => {
  const doors = world({
    ...senders.resend.entry,
    secrets: ['whsec_b2xkZXIgb2xkZXIgb2xkZXI=', resendSecret],
  })
  const payload = JSON.stringify({ type: 'email.opened', data: { tags: { user_id: 'u' } } })
  const library = new StandardWebhook(resendSecret)
  const headers = {
    'svix-id': 'msg_2',
    'svix-timestamp': String(NOW / 1000),
    'svix-signature': library.sign('msg_2', new Date(NOW), payload),
  }
  assert.is(await statusOf(doors, { url: '/v1/webhooks/resend', payload, headers }), 200)
  assert.is(doors.events[0]?.messageId, 'resend:msg_2')
})

test('the secrets in the documentation of Mailgun and Customer.io sign as it says', async () => {
  // The parts of both strings are written here as their pages say, apart from our code.
  const time = String(NOW / 1000)
  const token = 'a'.repeat(50)
  const signature = createHmac('sha256', SECRET).update(`${time}${token}`).digest('hex')
  const data = examples.mailgun?.[0]?.raw
  const payload = JSON.stringify({
    signature: { timestamp: time, token, signature },
    'event-data': data,
  })
  const mailgun = { url: '/v1/webhooks/mailgun', payload, headers: {} }
  assert.is(await statusOf(world(senders.mailgun.entry), mailgun), 200)
  assert.is(
    await statusOf(world({ ...senders.mailgun.entry, secrets: ['other', SECRET] }), mailgun),
    200,
  )
})

test('SNS: messages of both versions that its own library lets in are let in, and only those', async () => {
  const Validator = require('sns-validator') as new () => {
    validate(message: object, done: (error: Error | null) => void): void
  }
  const event = JSON.stringify({ eventType: 'Open', mail: { destination: ['a@b.c'] } })
  const fields = {
    Type: 'Notification',
    Subject: 'Hi',
    Message: event,
    Timestamp: new Date(NOW).toISOString(),
  }
  const get = https.get
  const answer = (_url: string, done: (message: unknown) => void) => {
    done(Object.assign(Readable.from([snsCertificate.pem]), { statusCode: 200 }))
    return { on: () => undefined }
  }
  Object.assign(require('node:https'), { get: answer })
  try {
    for (const version of ['1', '2'] as const)
      for (const wrong of [false, true]) {
        const message = snsMessage({ ...fields, MessageId: version }, { version, wrong })
        const theirs = await new Promise(resolve =>
          new Validator().validate({ ...message }, error => resolve(error === null)),
        )
        assert.is(theirs, !wrong)
        const sent = { url: '/v1/webhooks/ses', payload: JSON.stringify(message), headers: {} }
        assert.is(await statusOf(world(senders.ses.entry), sent), wrong ? 403 : 200)
      }
  } finally {
    Object.assign(require('node:https'), { get })
  }
})

test.run()
