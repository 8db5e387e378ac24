import { verify } from 'node:crypto'
import { type Amazon, amazon } from './sns-certificates.ts'
import { isoOf, jsonOf, named, type Raw, rawOf, textOf } from './webhook-fields.ts'
import { type Delivery, Refused, type WebhookSettings } from './webhook-provider.ts'
import { checkTime } from './webhook-verify.ts'

/** A notification that was verified. */
export interface Notification {
  /** The same when Amazon repeats it. */
  readonly id: string
  /** What was published. */
  readonly message: string
  /** Epoch ms. */
  readonly at: number
}

/** Amazon repeats over HTTP for at most 3,600 seconds, whatever the policy (…/sns/latest/dg/sns-message-delivery-retries.html). */
export const snsRepeatMs = 3_600_000

const signedOfNotification = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
const signedOfSubscription = [
  'Message',
  'MessageId',
  'SubscribeURL',
  'Timestamp',
  'Token',
  'TopicArn',
  'Type',
]
/** A bucket of anybody's has a host below amazonaws.com too, such as sns.s3-us-west-2: only what is a region passes. */
const host = /^sns\.([a-z]{2}(?:-[a-z]{2,12}){1,3}-\d{1,2})\.amazonaws\.com(?:\.cn)?$/

/**
 * Messages of Amazon SNS over HTTP: RSA over some of their fields, with SHA-1 (`SignatureVersion` 1) or SHA-256 (2), by
 * the key of a certificate at an address of Amazon's
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html). Since everybody can have a topic
 * that Amazon signs for, only the given topics are let in, and only their subscriptions confirmed.
 */
export function snsReader({
  topics = [],
  fetch,
  clock,
}: Pick<WebhookSettings, 'topics' | 'fetch' | 'clock'>) {
  const asked = amazon(fetch, clock)

  /** `undefined`: it was about the subscription itself. Throws `Refused`, or a `Problem` where Amazon does not answer. */
  return async ({ body, now }: Delivery): Promise<Notification | undefined> => {
    const raw = rawOf(jsonOf(body))
    const topic = textOf(raw.TopicArn)
    if (typeof raw.Signature !== 'string' || topic === undefined)
      throw new Refused(
        'no_signature',
        'this is no signed message of SNS: switch raw message delivery off',
      )
    if (!topics.includes(topic))
      throw new Refused('other_topic', 'the message is of a topic that is not in "topics"')
    await checkSignature(raw, topic, asked)
    const at = isoOf(raw.Timestamp, Number.NaN)
    checkTime(at, now, snsRepeatMs)
    const id = textOf(raw.MessageId)
    if (id === undefined || typeof raw.Message !== 'string')
      throw new Refused('not_readable', 'the message has no MessageId or no Message')
    if (raw.Type === 'Notification') return { id, message: raw.Message, at }
    if (raw.Type === 'SubscriptionConfirmation') await asked.confirm(confirmationOf(raw, topic))
    return undefined
  }
}

async function checkSignature(raw: Raw, topic: string, asked: Amazon): Promise<void> {
  const algorithm = named({ 1: 'sha1', 2: 'sha256' }, raw.SignatureVersion)
  if (algorithm === undefined)
    throw new Refused('bad_signature', 'the SignatureVersion is neither 1 nor 2')
  const url = amazonUrl(raw.SigningCertURL, topic)
  if (url === undefined || !/^\/[\w-]{1,100}\.pem$/.test(url.pathname) || url.search !== '')
    throw new Refused('bad_signature', 'the SigningCertURL is none of Amazon SNS in that region')
  const names = raw.Type === 'Notification' ? signedOfNotification : signedOfSubscription
  const signed = names.flatMap(name =>
    typeof raw[name] === 'string' ? [`${name}\n${raw[name]}\n`] : [],
  )
  const key = await asked.keyAt(url.href)
  const signature = Buffer.from(String(raw.Signature), 'base64')
  if (!verify(algorithm, Buffer.from(signed.join('')), key, signature))
    throw new Refused('bad_signature', 'the signature is not of the certificate')
}

function confirmationOf(raw: Raw, topic: string): string {
  const url = amazonUrl(raw.SubscribeURL, topic)
  if (
    url?.pathname !== '/' ||
    url.searchParams.get('Action') !== 'ConfirmSubscription' ||
    url.searchParams.get('TopicArn') !== topic
  )
    throw new Refused('bad_signature', 'the SubscribeURL is no confirmation of this topic')
  return url.href
}

/** A URL on the host of SNS in the topic's own region; nothing else is ever asked for. */
function amazonUrl(text: unknown, topic: string): URL | undefined {
  if (typeof text !== 'string' || text.length > 2_000 || !URL.canParse(text)) return undefined
  const url = new URL(text)
  const [, region] = host.exec(url.host) ?? []
  const own = region !== undefined && topic.split(':')[3] === region
  const plain = url.protocol === 'https:' && url.username === '' && url.password === ''
  return own && plain && url.hash === '' ? url : undefined
}
