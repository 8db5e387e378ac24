import type { InjectOptions } from 'fastify'
import { createGuard } from '../../collect/guard.ts'
import { devKeys, hashOf, type Key, type Keys, keysOf } from '../../http/keys.ts'
import { createApp } from '../../http/server.ts'
import { assert, suite } from '../harness.ts'

const test = suite('guard')

const keys = keysOf(
  [
    { name: 'shop', action: 'write' },
    { name: 'strict', action: 'write', requireConsent: true },
    { name: 'page', action: 'write', origins: ['https://shop.example'] },
    { name: 'office', action: 'write', addresses: ['10.0.0.0/8'] },
    { name: 'slow', action: 'write', perSecond: 2 },
    { name: 'reader', action: 'read' },
  ].map(key => ({ key: key as Key, hashes: [hashOf(`secret of ${key.name}`)] })),
)
const basic = (user: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:`).toString('base64')}`,
})

test('a key is found in Basic, Bearer, the body and the query, in this order', async () => {
  const ask = asker(keysOf(['a', 'b', 'c', 'd'].map(named)))
  const all = { headers: basic('a'), payload: { writeKey: 'c' }, query: { writeKey: 'd' } }
  assert.is((await ask(all)).body, 'a')
  assert.is((await ask({ ...all, headers: { authorization: 'bearer b' } })).body, 'b')
  assert.is((await ask({ ...all, headers: {} })).body, 'c')
  assert.is((await ask({ query: { writeKey: 'd' } })).body, 'd')
  assert.is((await ask({ ...all, headers: { authorization: 'Digest x' } })).body, 'c')
  assert.is((await ask({ ...all, headers: basic('') })).body, 'c')
})

test('without a key, or with one that nobody knows, the answer is 401 and says so', async () => {
  const ask = asker(keys)
  for (const request of [{}, { query: { writeKey: '' } }, { headers: { authorization: 'Basic' } }])
    assert.equal(await refusal(ask, request), [401, 'no_key'])
  const twice = { query: 'writeKey=secret%20of%20shop&writeKey=x' }
  assert.equal(await refusal(ask, twice), [401, 'no_key'])
  assert.equal(await refusal(ask, { headers: basic('dev') }), [401, 'unknown_key'])
  assert.equal(await refusal(ask, { headers: basic('x'.repeat(8_000)) }), [401, 'unknown_key'])
  assert.is((await ask({})).headers['www-authenticate'], 'Bearer realm="millrace"')
})

test('a key to read does not write, and a source keeps its condition of consent', async () => {
  const ask = asker(keys)
  assert.equal(await refusal(ask, { headers: basic('secret of reader') }), [403, 'other_action'])
  assert.is((await ask({ headers: basic('secret of strict') })).body, 'strict, with consent')
})

test('a key of a page is for that page, and for programs', async () => {
  const ask = asker(keys)
  const from = (headers: Record<string, string>) => ({
    headers: { ...basic('secret of page'), ...headers },
  })
  assert.is((await ask(from({ origin: 'https://shop.example' }))).statusCode, 200)
  assert.is((await ask(from({}))).statusCode, 200)
  assert.is((await ask(from({ 'sec-fetch-site': 'same-origin' }))).statusCode, 200)
  for (const origin of ['https://evil.example', 'null', 'https://shop.example.evil.example'])
    assert.equal(await refusal(ask, from({ origin })), [403, 'origin_not_allowed'])
  const image = from({ 'sec-fetch-site': 'cross-site' })
  assert.equal(await refusal(ask, image), [403, 'origin_not_allowed'])
})

test('the key dev is for this machine: not for a page that a browser on it has open', async () => {
  const ask = asker(devKeys)
  assert.is((await ask({ headers: basic('dev') })).statusCode, 200)
  const headers = { ...basic('dev'), origin: 'http://localhost:3000' }
  assert.is((await ask({ headers })).statusCode, 200)
  const page = { headers: { origin: 'https://evil.example' }, payload: { writeKey: 'dev' } }
  assert.equal(await refusal(ask, page), [403, 'origin_not_allowed'])
})

test('a key of a network is for its addresses, also where IPv6 writes them', async () => {
  const ask = asker(keys)
  const headers = basic('secret of office')
  for (const remoteAddress of ['10.9.8.7', '::ffff:10.9.8.7'])
    assert.is((await ask({ headers, remoteAddress })).statusCode, 200)
  for (const remoteAddress of ['11.0.0.1', '::1', '::ffff:11.0.0.1'])
    assert.equal(await refusal(ask, { headers, remoteAddress }), [403, 'address_not_allowed'])
  const forged = { headers: { ...headers, 'x-forwarded-for': '10.9.8.7' }, remoteAddress: '::1' }
  assert.equal(await refusal(ask, forged), [403, 'address_not_allowed'])
})

test('over the limit of a key the answer is 429 with Retry-After, and other keys go on', async () => {
  const ask = asker(keys)
  const slow = { headers: basic('secret of slow') }
  const answers = []
  for (let at = 0; at < 8; at++) answers.push(await ask(slow))
  const over = answers.filter(({ statusCode }) => statusCode === 429)
  // Eight requests take less than two of the windows of a second, unless the machine stands still.
  assert.ok(over.length >= 1, `${over.length} of 8 were refused`)
  assert.is(over[0]?.headers['retry-after'], '1')
  assert.is(over[0]?.headers['ratelimit-limit'], '2')
  assert.is(over[0]?.headers['ratelimit-remaining'], '0')
  assert.is(over[0]?.json().code, 'over_limit')
  assert.is(answers[0]?.headers['ratelimit-remaining'], '1')
  assert.is(answers[0]?.headers['ratelimit-reset'], '1')
  const other = await ask({ headers: basic('secret of shop') })
  assert.is(other.statusCode, 200)
  assert.is(other.headers['ratelimit-limit'], undefined)
})

test('over the limit of an address its requests are refused, with or without keys, and others go on', async () => {
  const ask = asker(keys, 3)
  const headers = basic('secret of shop')
  // One IPv6 user has a whole /64.
  const addresses = Array.from({ length: 12 }, (_, at) => `2001:db8::${at + 1}`)
  const answers = await Promise.all(addresses.map(remoteAddress => ask({ headers, remoteAddress })))
  const over = answers.filter(({ statusCode }) => statusCode === 429)
  assert.ok(over.length >= 6, `${over.length} of 12 were refused`)
  assert.match(over[0]?.json().detail, 'one address')
  assert.not.match(over[0]?.body ?? '', '2001')
  assert.is((await ask({ headers, remoteAddress: '2001:db8:1::1' })).statusCode, 200)
})

test('what is refused says nothing of the secret that was sent', async () => {
  const ask = asker(keys)
  for (const secret of ['wrong secret 4711', 'secret of reader', 'secret of office']) {
    const answer = await ask({ headers: basic(secret) })
    assert.not.match(answer.body + JSON.stringify(answer.headers), secret)
    assert.not.match(answer.body, '127.0.0.1')
  }
})

test.run()

type Ask = ReturnType<typeof asker>

/** Asks a server that answers the name of the source. */
function asker(known: Keys, perAddress = 0) {
  const app = createApp({
    health: async () => ({ alive: true }),
    ready: async () => ({ ready: true, reasons: [] }),
    metrics: async () => '',
    protection: { keys: known, keyed: known !== devKeys, perAddress },
    routes(app, access) {
      const guard = createGuard(access)
      app.post('/in', async request => {
        const { body } = request
        const inBody =
          typeof body === 'object' && body !== null && 'writeKey' in body ? body.writeKey : ''
        const source = await guard.sourceOf(request, String(inBody))
        return `${source.name}${source.requireConsent ? ', with consent' : ''}`
      })
    },
  })
  return (request: InjectOptions) => app.inject({ method: 'POST', url: '/in', ...request })
}

async function refusal(ask: Ask, request: InjectOptions): Promise<[number, string]> {
  const answer = await ask(request)
  return [answer.statusCode, answer.json().code]
}

function named(name: string): { key: Key; hashes: string[] } {
  return { key: { name, action: 'write' }, hashes: [hashOf(name)] }
}
