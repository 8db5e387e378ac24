import { randomBytes } from 'node:crypto'
import { defineBlock } from '../../content/block.ts'
import { createTokens, type SigningKey } from '../../http/tokens.ts'
import { systemClock } from '../../runtime/clock.ts'
import { mailOrigins } from '../../serve/amp-cors.ts'
import { purposes, signTicket } from '../../serve/amp-tokens.ts'
import { type EventWriter, NotWritten, type WrittenEvent } from '../../serve/event-writer.ts'
import { assert, suite } from '../harness.ts'
import { DeskWorld, keyOf, row } from './desk-world.ts'

const test = suite('AMP for email')
const signing: SigningKey = { id: 7, secret: randomBytes(32), signsFrom: 0 }
const tokens = createTokens({ signing: () => signing, find: () => signing })
const now = systemClock.now()
const dayMs = 86_400_000

const world = await DeskWorld.open()
const rows = [row('anna', { lastViewed: ['kettle', 'pot', 'cup'] })]
const features = await world.view('email.features', rows, keyOf)
const viewed = defineBlock({
  name: 'viewed',
  features: ['lastViewed'],
  shape: ({ features }) => ({ items: features.lastViewed }),
  fallback: { items: [] },
})
const written: WrittenEvent[] = []
let brokersAway = false
const events = {
  write: async (event: WrittenEvent) => {
    if (brokersAway) throw new NotWritten('away')
    written.push(event)
  },
} as EventWriter
const app = world.app({
  ...{ features, products: undefined, catalogue: undefined, tokens, events },
  blocks: new Map([
    ['viewed', viewed],
    ['other', { ...viewed, name: 'other' }],
  ]),
  ampSenders: { senders: ['news@shop.example', '*@mail.shop.example'], origins: mailOrigins },
})
test.after(async () => {
  await app.close()
  await world.close()
})

const token = signTicket(tokens, purposes.block, { user: 'anna', name: 'viewed' }, now)
const gmail = 'https://mail.google.com'
const v2 = { 'amp-email-sender': 'news@shop.example' }
const source = '__amp_source_origin=news%40shop.example'
const ask = (query = `token=${token}`, headers: Record<string, string> = v2, block = 'viewed') =>
  app.inject({ url: `/v1/amp/blocks/${block}?${query}`, headers })

for (const [what, headers, query, expected] of [
  ['version 2', v2, '', { 'amp-email-allow-sender': 'news@shop.example' }],
  [
    'version 1',
    { origin: gmail },
    source,
    {
      'access-control-allow-origin': gmail,
      'amp-access-control-allow-source-origin': 'news@shop.example',
      'access-control-expose-headers': 'AMP-Access-Control-Allow-Source-Origin',
    },
  ],
  [
    'both, of which version 2 wins',
    { ...v2, origin: gmail },
    source,
    { 'amp-email-allow-sender': 'news@shop.example', 'access-control-allow-origin': undefined },
  ],
  [
    'a sender of an allowed domain',
    { 'amp-email-sender': 'any.one@mail.shop.example' },
    '',
    { 'amp-email-allow-sender': 'any.one@mail.shop.example' },
  ],
] as const)
  test(`${what} is answered with its headers`, async () => {
    const answer = await ask(`token=${token}&${query}`, headers)
    assert.is(answer.statusCode, 200)
    for (const [name, value] of Object.entries(expected)) assert.is(answer.headers[name], value)
  })

for (const [what, headers, query, code] of [
  ['neither version', {}, '', 'not_from_an_email'],
  ['an Origin alone', { origin: gmail }, '', 'not_from_an_email'],
  ['another sender', { 'amp-email-sender': 'evil@example.com' }, '', 'other_sender'],
  [
    'a domain that only ends alike',
    { 'amp-email-sender': 'a@evilmail.shop.example' },
    '',
    'other_sender',
  ],
  [
    'a sender with a line break',
    { 'amp-email-sender': 'news@shop.example, x' },
    '',
    'other_sender',
  ],
  [
    'version 1 of another sender',
    { origin: gmail },
    '__amp_source_origin=a%40b.example',
    'other_sender',
  ],
  ['version 1 of any page', { origin: 'https://evil.example' }, source, 'other_origin'],
  [
    'a wrong sender beside a good version 1',
    { origin: gmail, 'amp-email-sender': 'evil@example.com' },
    source,
    'other_sender',
  ],
] as const)
  test(`${what} is refused`, async () => {
    const answer = await ask(`token=${token}&${query}`, { ...headers } as Record<string, string>)
    assert.is(answer.statusCode, 403)
    assert.is(answer.json().code, code)
    assert.is(answer.headers['amp-email-allow-sender'], undefined)
    assert.is(answer.headers['access-control-allow-origin'], undefined)
  })

test('items are the content, or a list of it, at most so many', async () => {
  const whole = (await ask()).json()
  assert.equal(whole.items, { items: ['kettle', 'pot', 'cup'] })
  assert.is(whole.source, 'stale', 'nothing is followed here')
  assert.equal((await ask(`token=${token}&list=items&max=2`)).json().items, ['kettle', 'pot'])
  assert.equal((await ask(`token=${token}&list=__proto__`)).json().items, [])
  const stranger = signTicket(tokens, purposes.block, { user: 'nobody', name: 'viewed' }, now)
  const fallback = (await ask(`token=${stranger}`)).json()
  assert.equal([fallback.items, fallback.source], [{ items: [] }, 'fallback'])
})

const refused: readonly [string, string, string?][] = [
  ['for another block', signTicket(tokens, purposes.block, { user: 'anna', name: 'other' }, now)],
  ['for another purpose', signTicket(tokens, purposes.form, { user: 'anna', name: 'viewed' }, now)],
  [
    'of 32 days ago',
    signTicket(tokens, purposes.block, { user: 'anna', name: 'viewed' }, now - 32 * dayMs),
  ],
  ['that is cut', token.slice(0, -1)],
  ['with another user written into it', token.replace(/.{4}$/, 'AAAA')],
  ['as JSON says it with no algorithm', 'eyJhbGciOiJub25lIn0.eyJ1IjoiYW5uYSJ9.'],
  ['that is none', ''],
]
for (const [what, wrong] of refused)
  test(`a token ${what} opens nothing`, async () => {
    const answer = await ask(`token=${encodeURIComponent(wrong)}`)
    assert.is(answer.statusCode, 403)
    assert.is(answer.json().code, 'bad_token')
  })

test('a token of 30 days ago is good still, and no answer redirects', async () => {
  const old = signTicket(tokens, purposes.block, { user: 'anna', name: 'viewed' }, now - 30 * dayMs)
  assert.is((await ask(`token=${old}`)).statusCode, 200)
  assert.is((await ask(`token=${old}`, v2, 'none')).statusCode, 404)
})

const post = (form: string, payload: string, more: Record<string, string> = {}) => {
  const ticket = signTicket(tokens, purposes.form, { user: 'anna', name: form }, now)
  const type = 'application/x-www-form-urlencoded'
  const headers = { ...v2, 'content-type': type, ...more }
  return app.inject({
    method: 'POST',
    url: `/v1/amp/forms/${form}?token=${ticket}`,
    payload,
    headers,
  })
}

test('a form in an email becomes an event of its reader, once', async () => {
  assert.equal((await post('wishlist', 'product_id=kettle&messageId=m1')).json(), { saved: true })
  await post('wishlist', 'product_id=kettle&remove=1')
  await post('preferences', 'topics=tea&topics=cups&weekly=on&messageId=m2')
  const multipart =
    '--x\r\ncontent-disposition: form-data; name="product_id"\r\n\r\npot\r\n--x--\r\n'
  await post('wishlist', multipart, { 'content-type': 'multipart/form-data; boundary=x' })
  assert.equal(
    written.map(({ userId, event, properties, traits }) => ({ userId, event, properties, traits })),
    [
      ['Product Added to Wishlist', { product_id: 'kettle' }],
      ['Product Removed from Wishlist', { product_id: 'kettle' }],
      [undefined, undefined, { email_preferences: { topics: 'tea,cups', weekly: 'on' } }],
      ['Product Added to Wishlist', { product_id: 'pot' }],
    ].map(([event, properties, traits]) => ({ userId: 'anna', event, properties, traits })),
  )
  assert.is(written[0]?.messageId, 'amp:m1')
})

test('a form that cannot be taken says so, with the headers that let the reader see it', async () => {
  brokersAway = true
  const away = await post('wishlist', 'product_id=kettle')
  brokersAway = false
  assert.is(away.statusCode, 503)
  assert.is(away.headers['amp-email-allow-sender'], 'news@shop.example')
  assert.is((await post('wishlist', 'x=1')).json().code, 'no_product')
  assert.is((await post('toString', '')).statusCode, 404)
  const url = `/v1/amp/forms/wishlist?token=${token}`
  const other = await app.inject({ method: 'POST', url, headers: v2, payload: 'product_id=1' })
  assert.is(other.json().code, 'bad_token')
  const { code } = (await post('wishlist', 'product_id=1', { 'amp-email-sender': 'a@b.c' })).json()
  assert.is(code, 'other_sender')
})

test.run()
