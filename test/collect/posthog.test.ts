import { gzipSync } from 'node:zlib'
import { assert, suite } from '../harness.ts'
import { DoorWorld, NOW } from './door-world.ts'

const test = suite("PostHog's protocol")
const none = {}

test('what the library in browsers sends is read: packed, alone or many, its key in the properties', async () => {
  const world = new DoorWorld()
  const properties = {
    ...{
      token: 'dev',
      distinct_id: 'd-1',
      $device_id: 'd-1',
      $current_url: 'https://shop.example/',
    },
    ...{ $lib: 'web', $session_id: 's-1', $raw_user_agent: 'Firefox', consent: { x: 1 } },
  }
  const event = { event: '$pageview', uuid: 'e-1', offset: 5_000, properties }
  const packed = gzipSync(JSON.stringify([event, { ...event, uuid: 'e-2' }]))
  const many = await world.post('/posthog/e/?compression=gzip-js', packed, {
    'content-type': 'text/plain',
  })
  assert.equal(many.json(), { status: 'Ok' })
  const [page, second] = world.events
  assert.is(second?.messageId, 'e-2')
  assert.equal(
    [page?.type, page?.messageId, page?.userId, page?.anonymousId, page?.timestamp],
    ['page', 'e-1', '', 'd-1', NOW - 5_000],
  )
  assert.is(page?.properties.url, 'https://shop.example/')
  assert.equal(page?.context.library, { name: 'web' })
  assert.is(page?.context.sessionId, 's-1')
  assert.is(page?.context.userAgent, 'Firefox')

  const alone = { api_key: 'dev', event: 'Seen', distinct_id: 'u-1', properties: none }
  assert.is((await world.post('/posthog/i/v0/e', alone, none)).statusCode, 200)
  assert.is(world.events[2]?.userId, 'u-1')
  await world.app.close()
})

test('the newer protocol is told of each event what became of it, so that none is sent again in vain', async () => {
  const world = new DoorWorld()
  const good = { uuid: 'e-1', event: 'Seen', distinct_id: 'u-1', options: none, properties: none }
  const batch = [
    good,
    { ...good, uuid: 'e-2', event: '' },
    'nonsense',
    { ...good, uuid: '__proto__' },
  ]
  const body = { created_at: new Date(NOW), batch }
  const headers = { authorization: 'Bearer dev', 'posthog-sdk-info': 'posthog-node/5.70.0' }
  const answer = await world.post('/posthog/i/v1/analytics/events', body, headers)
  assert.equal(answer.json().results, {
    'e-1': { result: 'ok' },
    'e-2': { result: 'drop', details: 'expected the name of what happened, got an empty string' },
  })
  assert.is(world.rejected.length, 2)
  assert.equal(world.events[0]?.context, { library: { name: 'posthog-node', version: '5.70.0' } })
  await world.app.close()
})

test('without a key, a batch or JSON nothing is taken', async () => {
  const world = new DoorWorld()
  const path = '/posthog/batch/'
  const event = { event: 'Seen', distinct_id: 'u-1' }
  assert.is((await world.post(path, { batch: [event] }, none)).statusCode, 401)
  assert.is((await world.post(path, { api_key: 'other', batch: [event] }, none)).statusCode, 401)
  assert.is((await world.post(path, { api_key: 'dev', batch: 'x' }, none)).statusCode, 400)
  assert.is((await world.post(path, 'x')).statusCode, 400)
  const many = { api_key: 'dev', batch: Array(5_001).fill(0) }
  assert.is((await world.post(path, many, none)).statusCode, 413)
  assert.is(world.records.length, 0)
  await world.app.close()
})

test('who asks for flags is told that there are none, and what is no event is refused', async () => {
  const world = new DoorWorld()
  const flags = await world.post('/posthog/flags/?v=2', { token: 'dev' }, none)
  assert.equal([flags.json().flags, flags.json().errorsWhileComputingFlags], [none, false])
  const definitions = await world.app.inject('/posthog/flags/definitions?token=dev')
  assert.equal(definitions.json().flags, [])
  assert.is((await world.post('/posthog/i/v1/logs', none)).statusCode, 404)
  await world.app.close()
})

test.run()
