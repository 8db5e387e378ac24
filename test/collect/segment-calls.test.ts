import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { unpack } from 'msgpackr'
import { assert, suite } from '../harness.ts'
import { DoorWorld, NOW } from './door-world.ts'

const test = suite("Segment's calls")
const SUCCESS = '{"success":true}'
const basic = { authorization: `Basic ${btoa('dev:')}` }

/** Of each type the fields that it cannot do without. */
const calls: [path: string, short: string, event: Record<string, unknown>][] = [
  ['track', 't', { event: 'Product Viewed', userId: 'u', properties: { price: 9.5 } }],
  ['identify', 'i', { userId: 'u', traits: { plan: 'pro' } }],
  ['page', 'p', { anonymousId: 'a', name: 'Home', properties: { url: 'https://shop.example/' } }],
  ['screen', 's', { anonymousId: 'a', name: 'Home' }],
  ['group', 'g', { userId: 'u', groupId: 'g-1', traits: { seats: 3 } }],
  ['alias', 'a', { userId: 'u', previousId: 'before' }],
]

test('each call is taken at its long path, at its short one, and in a batch, and means the same', async () => {
  const world = new DoorWorld()
  for (const [path, short, event] of calls) {
    world.records.length = 0
    const sent = { ...event, messageId: 'm' }
    for (const url of [`/v1/${path}`, `/v1/${short}`]) {
      const { statusCode, body } = await world.post(url, sent)
      assert.equal([statusCode, body], [200, SUCCESS], url)
    }
    for (const url of ['/v1/batch', '/v1/b', '/v1/import'])
      await world.post(url, { batch: [{ ...sent, type: path }] })
    const [first, ...others] = world.events
    assert.is(first?.type, path)
    assert.is(others.length, 4)
    for (const other of others) assert.equal(other, first)
    assert.is(world.keys[0], event.userId ?? event.anonymousId)
  }
})

test('what goes to the topic is the event, with receivedAt, in plain msgpack, without the key', async () => {
  const world = new DoorWorld()
  const event = {
    ...{ type: 'track', event: 'Order Completed', userId: 7, messageId: 'm-1', writeKey: 'dev' },
    ...{ timestamp: '2026-11-22T09:59:00.000Z', sentAt: '2026-11-22T10:00:00.000Z' },
    ...{
      properties: { revenue: 12.5, products: [{ product_id: 'p' }] },
      integrations: { All: true },
    },
    context: { ip: '1.2.3.4', userAgent: 'mine', locale: 'de-DE' },
  }
  await world.post('/v1/track', event)
  const { writeKey: _, ...kept } = event
  assert.equal(unpack(world.raw[0] ?? Buffer.alloc(0)), {
    ...kept,
    userId: '7',
    originalTimestamp: event.timestamp,
    receivedAt: '2026-11-22T10:00:00.000Z',
  })
  const firstByte = world.raw[0]?.[0] ?? 0
  assert.ok((firstByte & 0xf0) === 0x80 || firstByte === 0xde, 'a map, in no way of our own')
})

test('an alias is of the id that it names as previous', async () => {
  const world = new DoorWorld()
  await world.post('/v1/alias', { userId: 'new', previousId: 'old', anonymousId: 'browser' })
  assert.is(world.events[0]?.anonymousId, 'old')
})

test('the body is read whatever its content type says, and packed in the ways that clients pack', async () => {
  const world = new DoorWorld()
  const event = JSON.stringify({ event: 'Seen', userId: 'ü' })
  const types = [
    ...['application/json', 'text/plain;charset=UTF-8', 'application/x-www-form-urlencoded'],
    ...['', 'json', 'nonsense; ;;', 'multipart/form-data', 'application/octet-stream'],
  ]
  for (const type of types) {
    const headers = { ...basic, 'content-type': type }
    assert.is((await world.post('/v1/track', event, headers)).statusCode, 200, type)
  }
  const packed: [Buffer, Record<string, string>][] = [
    [gzipSync(event), { 'content-encoding': 'gzip' }],
    [gzipSync(event), { 'content-encoding': 'GZIP' }],
    [gzipSync(event), {}],
    [deflateSync(event), { 'content-encoding': 'deflate' }],
    [brotliCompressSync(event), { 'content-encoding': 'br' }],
    [Buffer.from(event), { 'content-encoding': 'gzip' }],
    [Buffer.from(event), { 'content-encoding': 'identity' }],
    [Buffer.from(`\ufeff${event}`), {}],
  ]
  for (const [body, headers] of packed)
    assert.is((await world.post('/v1/track', body, { ...basic, ...headers })).statusCode, 200)
  assert.is(world.events.length, types.length + packed.length)
  assert.ok(world.events.every(({ userId }) => userId === 'ü'))
})

test('one event, an array of them and a batch are taken at every path', async () => {
  const world = new DoorWorld()
  const event = { type: 'track', event: 'Seen', userId: 'u' }
  for (const url of ['/v1/track', '/v1/identify', '/v1/batch'])
    for (const body of [event, [event, event], { batch: [event, event, event] }])
      assert.is((await world.post(url, body)).body, SUCCESS)
  assert.is(world.events.length, 3 * 6)
  assert.ok(
    world.events.every(({ type }) => type === 'track'),
    "an event's own type wins",
  )
  assert.is((await world.post('/v1/batch', { batch: [] })).statusCode, 200)
})

test('what a batch says once holds for each of its events, which may say otherwise', async () => {
  const world = new DoorWorld()
  const context = { locale: 'de-DE', ip: '9.9.9.9' }
  const timestamp = '2026-11-22T08:00:00.000Z'
  await world.post('/v1/batch', {
    ...{ sentAt: '2026-11-22T08:00:10.000Z', context },
    batch: [
      { type: 'page', userId: 'u', timestamp },
      { type: 'page', userId: 'u', timestamp, sentAt: timestamp, context: { locale: 'fr' } },
    ],
  })
  const [first, second] = world.events
  assert.equal(first?.context.locale, 'de-DE')
  assert.is(first?.timestamp, NOW - 10_000)
  assert.equal(second?.context.locale, 'fr')
  assert.equal(second?.context.ip, '9.9.9.9')
  assert.is(second?.timestamp, NOW)
})

test('the write key is taken from Basic, Bearer, the body and its events', async () => {
  const world = new DoorWorld()
  const event = { event: 'Seen', userId: 'u' }
  const ways: [unknown, Record<string, string>][] = [
    [event, basic],
    [event, { authorization: 'Bearer dev' }],
    [{ ...event, writeKey: 'dev' }, {}],
    [{ batch: [{ ...event, type: 'track' }], writeKey: 'dev' }, {}],
    [[{ ...event, writeKey: 'dev' }], {}],
  ]
  for (const [body, headers] of ways)
    assert.is((await world.post('/v1/track', body, headers)).statusCode, 200)
  assert.is((await world.post('/v1/track', event, {})).statusCode, 401)
  assert.is((await world.post('/v1/track', { ...event, writeKey: 'x' }, {})).statusCode, 401)
  assert.is(world.events.length, ways.length)
})

test("the sender's address and browser go into events that name none, and are not a server's", async () => {
  const world = new DoorWorld({ trustProxy: 1 })
  const contexts = [
    undefined,
    { ip: '1.1.1.1', userAgent: 'own' },
    { ip: null, userAgent: null },
    { library: { name: '@segment/analytics-node' } },
    { library: { name: 'analytics.js' } },
  ]
  const headers = { ...basic, 'user-agent': 'Browser/1', 'x-forwarded-for': '6.6.6.6, 7.7.7.7' }
  const batch = contexts.map(context => ({ type: 'page', userId: 'u', context }))
  await world.post('/v1/batch', { batch }, headers)
  const filled = { ip: '7.7.7.7', userAgent: 'Browser/1' }
  assert.equal(
    world.events.map(({ context: { ip, userAgent } }) => ({ ip, userAgent })),
    [
      filled,
      { ip: '1.1.1.1', userAgent: 'own' },
      { ip: undefined, userAgent: undefined },
      { ip: undefined, userAgent: undefined },
      filled,
    ],
  )
  const discreet = new DoorWorld({ keepIp: false })
  await discreet.post('/v1/page', { userId: 'u' }, headers)
  assert.equal(discreet.events[0]?.context, { userAgent: 'Browser/1' })
  const unproxied = new DoorWorld()
  await unproxied.post('/v1/page', { userId: 'u' }, headers)
  assert.is(unproxied.events[0]?.context.ip, '127.0.0.1')
})

test("a page's preflight is answered, and its answers can be read, also the unwelcome ones", async () => {
  const { app } = new DoorWorld()
  const origin = 'https://shop.example'
  const asked = 'authorization,content-type,x-retry-count,anonymousid'
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/v1/t',
    headers: {
      ...{ origin, 'access-control-request-method': 'POST' },
      'access-control-request-headers': asked,
    },
  })
  assert.is(preflight.statusCode, 204)
  assert.is(preflight.headers['access-control-allow-origin'], origin)
  const allowed = String(preflight.headers['access-control-allow-headers']).toLowerCase()
  for (const name of asked.split(',')) assert.ok(allowed.split(', ').includes(name), name)
  assert.match(String(preflight.headers['access-control-allow-methods']), /POST/)
  for (const payload of ['{"event":"Seen","userId":"u","writeKey":"dev"}', 'nonsense']) {
    const answer = await app.inject({ method: 'POST', url: '/v1/t', payload, headers: { origin } })
    assert.is(answer.headers['access-control-allow-origin'], origin)
    assert.is(answer.headers['access-control-expose-headers'], 'Retry-After')
    assert.match(String(answer.headers.vary), /Origin/)
  }
})

test('what is not for pages none can read: metrics, readiness, other paths', async () => {
  const { app } = new DoorWorld()
  const headers = { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET' }
  for (const method of ['GET', 'OPTIONS'] as const)
    for (const url of ['/metrics', '/health', '/ready', '/v1', '/', '/%2e/metrics']) {
      const answer = await app.inject({ method, url, headers })
      assert.is(answer.headers['access-control-allow-origin'], undefined, `${method} ${url}`)
      if (method === 'OPTIONS') assert.is(answer.statusCode, 404)
    }
  for (const url of ['/v1/t', '/posthog/batch/', '/v1/none']) {
    const answer = await app.inject({ method: 'OPTIONS', url, headers })
    assert.is(answer.headers['access-control-allow-origin'], headers.origin)
  }
})

test('the browser SDK is told to bring its events back here', async () => {
  const settings = async (world: DoorWorld, headers: Record<string, string>, key = 'dev') => {
    const answer = await world.app.inject({ url: `/v1/projects/${key}/settings`, headers })
    return { status: answer.statusCode, api: answer.json().integrations?.['Segment.io'] }
  }
  const seen = await settings(new DoorWorld(), { host: '127.0.0.1:8081' })
  assert.is(seen.api.apiHost, '127.0.0.1:8081/v1')
  assert.is(seen.api.protocol, 'http')
  assert.is(seen.api.apiKey, 'dev')
  const named = new DoorWorld({ publicUrl: 'https://in.shop.example/door/' })
  const { api } = await settings(named, { host: 'x' })
  assert.equal([api.apiHost, api.protocol], ['in.shop.example/door/v1', 'https'])
  assert.is((await settings(new DoorWorld(), {}, 'other')).status, 401)
  assert.is((await settings(new DoorWorld(), { host: 'a b' })).status, 400)
  assert.is((await new DoorWorld().post('/v1/m', { series: [] }, {})).statusCode, 200)
})

test.run()
