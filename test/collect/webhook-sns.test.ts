import { assert, suite } from '../harness.ts'
import { selfSigned } from './certificate.ts'
import { NOW } from './door-world.ts'
import {
  type Sent,
  senders,
  snsCertificate,
  snsCertificateUrl,
  snsMessage,
  snsTopic,
} from './webhook-senders.ts'
import { amazon, statusOf, world } from './webhook-world.ts'

const test = suite('webhooks through Amazon SNS')

const subscribeUrl = `https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${snsTopic}&Token=t1`
const confirmation = {
  Type: 'SubscriptionConfirmation',
  MessageId: 'm1',
  Message: 'You have chosen to subscribe',
  Token: 't1',
  SubscribeURL: subscribeUrl,
  Timestamp: new Date(NOW).toISOString(),
}
const sns = (message: object): Sent => ({
  url: '/v1/webhooks/ses',
  payload: JSON.stringify(message),
  headers: {},
})

test('SNS: a subscription of a known topic is confirmed at Amazon’s, and the certificate asked for once', async () => {
  const asked = amazon()
  const doors = world(senders.ses.entry, asked)
  assert.is(await statusOf(doors, sns(snsMessage(confirmation))), 200)
  assert.equal(asked.urls, [snsCertificateUrl, new URL(subscribeUrl).href])
  assert.is(
    await statusOf(doors, sns(snsMessage({ ...confirmation, Type: 'UnsubscribeConfirmation' }))),
    200,
  )
  assert.is(asked.urls.length, 2)
})

test('SNS: nobody but Amazon is asked for anything, and no other topic let in', async () => {
  const asked = amazon()
  const doors = world(senders.ses.entry, asked)
  const refused = async (message: object) => {
    const answer = await doors.app.inject({ method: 'POST', ...sns(message) })
    assert.is(answer.statusCode, 403, JSON.stringify(message))
  }
  const good = snsMessage(confirmation)
  for (const url of [
    'http://sns.eu-west-1.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com.evil.example/a.pem',
    'https://sns.s3-eu-west-1.amazonaws.com/a.pem',
    'https://sns.us-east-1.amazonaws.com/a.pem',
    'https://evil@sns.eu-west-1.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com:444/a.pem',
    'https://sns.eu-west-1.amazonaws.com/a/../b/c.pem',
    'https://sns.eu-west-1.amazonaws.com/a.pem?x=.pem',
    'https://127.0.0.1/a.pem',
    'file:///etc/passwd.pem',
    '',
  ])
    await refused({ ...good, SigningCertURL: url })
  await refused(snsMessage({ ...confirmation, TopicArn: `${snsTopic}-of-another` }))
  for (const SignatureVersion of ['3', 'constructor', {}])
    await refused({ ...good, SignatureVersion })
  assert.equal(asked.urls, [])

  for (const SubscribeURL of [
    'https://evil.example/?Action=ConfirmSubscription',
    `https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&TopicArn=${snsTopic}`,
    'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:x',
  ])
    await refused(snsMessage({ ...confirmation, SubscribeURL }))
  assert.equal(asked.urls, [snsCertificateUrl])
})

test('SNS: while Amazon does not answer well we answer 503, and ask no more than 20 times a minute', async () => {
  let answers = 0
  const failing: (() => Response)[] = [
    () => new Response('', { status: 500 }),
    () => {
      throw new TypeError('fetch failed')
    },
    () => new Response('x'.repeat(70_000)),
  ]
  const asked = amazon(() => (failing[answers++ % 3] ?? Response.error)())
  const doors = world(senders.ses.entry, asked)
  for (let time = 0; time < 25; time++) {
    const answer = await doors.app.inject({ method: 'POST', ...sns(snsMessage(confirmation)) })
    assert.equal([answer.statusCode, answer.json().code], [503, 'amazon_unreachable'])
    assert.ok(answer.headers['retry-after'])
  }
  assert.is(asked.urls.length, 20)
})

test('SNS: what is no certificate, or none any more, lets nobody in', async () => {
  const expired = selfSigned(
    new Date(Date.UTC(2020)),
    new Date(Date.UTC(2021)),
    snsCertificate.privateKey,
  ).pem
  for (const pem of ['no certificate', expired]) {
    const doors = world(
      senders.ses.entry,
      amazon(() => new Response(pem)),
    )
    assert.is(await statusOf(doors, sns(snsMessage(confirmation))), 403)
  }
})

test.run()
