import { randomBytes } from 'node:crypto'
import { defineBlock } from '../../content/block.ts'
import { createTokens, type SigningKey } from '../../http/tokens.ts'
import { defineJob, lastDistinct, sum } from '../../jobs/define-job.ts'
import { systemClock } from '../../runtime/clock.ts'
import { testJob } from '../../runtime/test-job.ts'
import { purposes, signTicket } from '../../serve/amp-tokens.ts'
import { signImage } from '../../serve/image-tokens.ts'
import { encodeRow } from '../../serve/row.ts'
import { assert, suite } from '../harness.ts'
import { DeskWorld, entry, keyOf, row } from './desk-world.ts'

const test = suite('consent, in every answer', { timeoutMs: 60_000 })

const job = testJob(
  defineJob({
    name: 'email',
    input: 'events',
    features: {
      spend: sum({ of: 'Order Completed', value: 'revenue', over: '30d', every: '1d' }),
      lastViewed: lastDistinct({
        ...{ of: 'Product Viewed', value: 'product_id', keep: 10 },
        purpose: 'Advertising',
      }),
    },
  }),
)
const consent = (given: boolean) => ({ consent: { categoryPreferences: { Advertising: given } } })
const lastViewed = defineBlock({
  name: 'last-viewed',
  features: ['lastViewed', 'spend'],
  recommended: 2,
  shape: ({ features, recommended }) => ({ features, picks: recommended.map(({ id }) => id) }),
  fallback: { picks: [] },
})
const signing: SigningKey = { id: 7, secret: randomBytes(32), signsFrom: 0 }
const tokens = createTokens({ signing: () => signing, find: () => signing })

const world = await DeskWorld.open()
const anna = () => row('anna', { ...job.features('anna') })
const features = await world.view('email.features', [row('bert', {})], keyOf)
const goesWith = { coViewed: [{ value: 'pot', weight: 9 }], category: 'tea' }
const popular = { popular: [{ value: 'cup', weight: 9 }] }
const products = await world.view(
  'products.features',
  [row('kettle', goesWith), row('category:tea', popular), row('category:all', popular)],
  keyOf,
)
const catalogue = await world.view(
  'products',
  ['kettle', 'pot', 'cup'].map(id => entry({ id, title: `A ${id}`, price: 20 })),
  keyOf,
)
const app = world.app({
  ...{ features, products, catalogue, tokens },
  blocks: new Map([[lastViewed.name, lastViewed]]),
})
test.after(async () => {
  await app.close()
  await world.close()
})

/** What every door says of a user, by door. */
async function answersOf(user: string): Promise<Map<string, string>> {
  const now = systemClock.now()
  const token = signTicket(tokens, purposes.block, { user, name: lastViewed.name }, now)
  const query = `{ user(id: "${user}") { features recommendations(count: 2) { id because } } }`
  const asked = {
    features: { url: `/v1/users/${user}/features` },
    many: { method: 'POST', url: '/v1/users/features', payload: { ids: [user] } },
    recommendations: { url: `/v1/users/${user}/recommendations` },
    block: { url: `/v1/blocks/last-viewed?user=${user}` },
    amp: {
      url: `/v1/amp/blocks/last-viewed?token=${token}`,
      headers: { 'amp-email-sender': 'news@shop.example' },
    },
    graphql: { method: 'POST', url: '/graphql', payload: { query } },
    export: { url: `/v1/users/${user}/export` },
  } as const
  const answers = new Map<string, string>()
  for (const [door, request] of Object.entries(asked)) {
    const { statusCode, body } = await app.inject(request)
    assert.is(statusCode, 200, `${door}: ${body}`)
    answers.set(door, body)
  }
  return answers
}

/** Once it is drawn: until then the neutral one is answered. */
async function pictureOf(user: string): Promise<string> {
  const neutral = (await app.inject({ url: '/v1/images/countdown.png' })).rawPayload
  const token = signImage(tokens, { name: 'recommended', user }, systemClock.now())
  for (let tries = 0; tries < 200; tries++) {
    const { rawPayload } = await app.inject({ url: `/v1/images/recommended.png?token=${token}` })
    if (!rawPayload.equals(neutral)) return rawPayload.toString('base64')
    await systemClock.sleep(20)
  }
  throw new Error('the picture was never drawn')
}

async function put(next: number): Promise<void> {
  const now = systemClock.now()
  await features.view.apply(0, [['anna', encodeRow(anna())]], {
    next,
    atEnd: now,
    newest: now,
    since: now,
  })
}

test('what a purpose was withdrawn from is in no answer any more, nor what was made of it', async () => {
  job.send({ userId: 'anna', event: 'Order Completed', properties: { revenue: 70 } })
  const properties = { product_id: 'kettle' }
  job.send({ userId: 'anna', event: 'Product Viewed', properties, context: consent(true) })
  await put(2)
  for (const [door, answer] of await answersOf('anna'))
    assert.match(answer, /kettle|pot/, `${door} shows what was consented to`)
  const before = await pictureOf('anna')
  assert.is.not(before, await pictureOf('bert'))

  job.send({ userId: 'anna', type: 'identify', context: consent(false) })
  await put(3)
  for (const [door, answer] of await answersOf('anna')) {
    assert.not.match(answer, /kettle|pot/, door)
    if (door === 'features') assert.match(answer, /"spend":70/, 'what has no purpose stays')
  }
  assert.is(await pictureOf('anna'), await pictureOf('bert'), 'what nobody in particular is shown')
})

test('nor is it answered as what was known last, where the view cannot be read', async () => {
  const properties = { product_id: 'kettle' }
  job.send({ userId: 'anna', event: 'Product Viewed', properties, context: consent(true) })
  await put(4)
  const ask = async () => (await app.inject({ url: '/v1/blocks/last-viewed?user=anna' })).body
  assert.match(await ask(), /kettle/)
  job.send({ userId: 'anna', type: 'identify', context: consent(false) })
  await put(5)
  await features.view.flush()
  const { atHand, find } = features
  features.atHand = () => undefined
  features.find = () => Promise.reject(new Error('the disk'))
  try {
    const answer = await ask()
    assert.not.match(answer, /kettle|pot/)
    assert.match(answer, '"source":"fallback"')
  } finally {
    Object.assign(features, { atHand, find })
  }
})

test.run()
