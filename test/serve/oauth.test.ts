import { createHmac } from 'node:crypto'
import { type Bearers, openBearers } from '../../http/bearers.ts'
import { hashOf, type Key, keysOf } from '../../http/keys.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, suite } from '../harness.ts'
import { AUDIENCE, Issuer } from '../http/oauth-issuer.ts'
import { DeskWorld, keyOf, row } from './desk-world.ts'

const test = suite('who may read')
const issuer = await Issuer.start()
const world = await DeskWorld.open()
const features = await world.view(
  'email.features',
  [row('anna', { orders: 3, lastViewed: ['kettle'] })],
  keyOf,
)
const warned: string[] = []
let elapsed = 0
let tick: () => void | Promise<void> = () => undefined
const clock = {
  ...systemClock,
  elapsed: () => elapsed,
  every: (_ms: number, each: () => void | Promise<void>) => {
    tick = each
    return () => undefined
  },
}
const logger = { warn: (_fields: object, text: string) => void warned.push(text) }
const options = { issuer: issuer.url, jwks: issuer.jwks, audience: AUDIENCE, clock, logger }
const bearers = await openBearers(options)
const secrets: [string, Key][] = [
  ['office', { name: 'office', action: 'read', addresses: ['10.0.0.0/8'] }],
  ['slow', { name: 'slow', action: 'read', perSecond: 2 }],
]
const keys = keysOf(secrets.map(([secret, key]) => ({ key, hashes: [hashOf(secret)] })))
const appOf = (given: Bearers) =>
  world.app(
    { features, products: undefined, catalogue: undefined },
    { keys, keyed: true, perAddress: 0, bearers: given },
  )
const app = appOf(bearers)
test.after(async () => {
  bearers.close()
  await app.close()
  await world.close()
  await issuer.close()
})

const url = '/v1/users/anna/features'
const ask = (token: string, path = url, more = {}) =>
  app.inject({ url: path, headers: { authorization: `Bearer ${token}` }, ...more })
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

test('a client gets a token for its secret, and reads what its scopes name', async () => {
  const token = await issuer.token('braze', 'b')
  const answer = await ask(token)
  assert.is(answer.statusCode, 200)
  assert.equal(answer.json().features, { orders: 3 })
  assert.is((await ask(token, `${url}?fields=lastViewed`)).json().features.lastViewed, undefined)
  const refused = await ask(token, '/v1/users/anna/export')
  assert.equal([refused.statusCode, refused.json().code], [403, 'insufficient_scope'])
  assert.match(String(refused.headers['www-authenticate']), /insufficient_scope", scope="admin"/)
  const admin = await ask(await issuer.token('privacy', 'p'), '/v1/users/anna/export')
  assert.is(admin.statusCode, 200)
})

for (const alg of ['RS256', 'ES256', 'EdDSA'])
  test(`a token signed by ${alg} is taken`, async () => {
    const token = await issuer.sign({ scope: 'features:read' }, `one-${alg}`)
    assert.is((await ask(token)).statusCode, 200)
    const [head, body, mac = ''] = token.split('.')
    const other = mac.startsWith('A') ? 'B' : 'A'
    assert.is((await ask(`${head}.${body}.${other}${mac.slice(1)}`)).statusCode, 401)
  })

const seconds = () => Math.floor(Date.now() / 1_000)
for (const [what, claims, detail] of [
  ['of another issuer', { iss: 'https://evil.example' }, /another issuer/],
  ['for another service', { aud: 'payroll' }, /another audience/],
  ['that has expired', { exp: seconds() - 60 }, /expired/],
  ['that never ends', { exp: undefined }, /no exp/],
  ['that is not valid yet', { nbf: seconds() + 600 }, /not valid yet/],
] as const)
  test(`a token ${what} is refused`, async () => {
    const answer = await ask(await issuer.sign({ scope: 'features:read', ...claims }))
    assert.equal([answer.statusCode, answer.json().code], [401, 'invalid_token'])
    assert.match(answer.json().detail, detail)
    assert.match(String(answer.headers['www-authenticate']), /error="invalid_token"/)
  })

test('clocks may differ by half a minute', async () => {
  const late = await issuer.sign({ scope: 'features:read', exp: seconds() - 15 })
  assert.is((await ask(late)).statusCode, 200)
})

test('no algorithm, and a public key taken for a secret, open nothing', async () => {
  const claims = part({
    ...{ iss: issuer.url, aud: AUDIENCE, exp: seconds() + 60, scope: 'admin' },
  })
  const none = `${part({ alg: 'none' })}.${claims}.`
  const head = part({ alg: 'HS256', kid: 'one-RS256' })
  const signed = createHmac('sha256', JSON.stringify(issuer.jwkOf('one-RS256')))
    .update(`${head}.${claims}`)
    .digest('base64url')
  for (const token of [none, `${head}.${claims}.${signed}`]) {
    const answer = await ask(token)
    assert.equal([answer.statusCode, answer.json().code], [401, 'invalid_token'])
    assert.match(answer.json().detail, /algorithm other than RS256, ES256, EdDSA/)
  }
  for (const token of ['a.b.c', `${part({})}.${part({})}.`, `x.${'y'.repeat(9_000)}.z`])
    assert.is((await ask(token)).json().code, 'invalid_token', token.slice(0, 20))
})

test('scopes of other services allow nothing, and features alone do not either', async () => {
  for (const scope of ['openid profile', 'fields:orders', ''])
    assert.is((await ask(await issuer.sign({ scope }))).json().code, 'insufficient_scope', scope)
  const listed = await issuer.sign({ scope: undefined, scp: ['features:read'] })
  assert.equal(Object.keys((await ask(listed)).json().features), ['orders', 'lastViewed'])
})

test('a key that the issuer adds is known once it was asked again, which forged ones cannot hasten', async () => {
  elapsed += 60_000
  const before = issuer.asked
  const fresh = await openBearers(options)
  await issuer.add('three', 'ES256')
  const forged = (await issuer.sign({ scope: 'admin' }, 'three')).split('.')
  for (let at = 0; at < 20; at++) {
    const head = part({ alg: 'ES256', kid: `unknown-${at}` })
    assert.ok('fault' in (await fresh.open(`${head}.${forged[1]}.${forged[2]}`)))
  }
  assert.ok(issuer.asked - before === 1, `asked ${issuer.asked - before} times`)
  await tick()
  assert.ok('key' in (await fresh.open(await issuer.sign({ scope: 'admin' }, 'three'))))
  fresh.close()
})

test("while the issuer is away its known keys go on, and unknown ones are nobody's fault", async () => {
  const fresh = await openBearers(options)
  for (const mode of ['error', 'flood'] as const) {
    issuer.mode = mode
    elapsed += 60_000
    await tick()
    assert.ok('key' in (await fresh.open(await issuer.sign({ scope: 'admin', jti: mode }))), mode)
  }
  assert.ok(warned.length >= 2 && warned.every(text => /those that are known go on/.test(text)))
  const asked = issuer.asked
  elapsed += 60_000
  const never = await openBearers(options)
  const token = await issuer.sign({ scope: 'admin' })
  for (let at = 0; at < 5; at++) assert.ok('away' in (await never.open(token)))
  assert.is(issuer.asked - asked, 1, 'it is not asked again at once')
  const other = appOf(never)
  const answer = await other.inject({ url, headers: { authorization: `Bearer ${token}` } })
  assert.equal([answer.statusCode, answer.json().code], [503, 'issuer_away'])
  issuer.mode = 'keys'
  elapsed += 60_000
  assert.ok('key' in (await never.open(token)))
  await other.close()
})

test('a client is counted as one, whichever of its tokens it brings', async () => {
  const counted = await openBearers({ ...options, perSecond: 1 })
  const other = appOf(counted)
  const tokens = [1, 2].map(jti => issuer.sign({ client_id: 'c', scope: 'features:read', jti }))
  const answers = []
  for (const token of await Promise.all(tokens))
    answers.push(await other.inject({ url, headers: { authorization: `Bearer ${token}` } }))
  assert.equal(
    answers.map(({ statusCode }) => statusCode),
    [200, 429],
  )
  await other.close()
  counted.close()
})

test('a key for some addresses is refused from others, on every route that reads', async () => {
  for (const path of [url, '/v1/segments/loyal/users', '/v1/users/anna/recommendations']) {
    const answer = await ask('office', path)
    assert.equal([answer.statusCode, answer.json().code], [403, 'address_not_allowed'], path)
    const near = await ask('office', path, { remoteAddress: '10.1.2.3' })
    assert.is(near.statusCode, 200, path)
  }
})

test('a key with a limit is told on each read where it stands', async () => {
  const [first, second] = [await ask('slow'), await ask('slow', '/v1/segments/loyal/users')]
  assert.equal([first.headers['ratelimit-limit'], first.headers['ratelimit-remaining']], ['2', '1'])
  assert.is(second.headers['ratelimit-remaining'], '0')
  const over = await ask('slow')
  assert.equal([over.statusCode, over.headers['retry-after']], [429, '1'])
})

test.run()
