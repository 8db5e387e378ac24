import { gzipSync } from 'node:zlib'
import { SinkFull } from '../../collect/sink.ts'
import { assert, suite } from '../harness.ts'
import { DoorWorld } from './door-world.ts'

const test = suite('answers of the door')
const bearer = { authorization: 'Bearer dev' }
const event = { event: 'Seen', userId: 'u' }
const world = new DoorWorld()

async function answer(body: unknown, headers: Record<string, string> = {}, url = '/v1/track') {
  world.records.length = 0
  const reply = await world.post(url, body, { ...bearer, ...headers })
  assert.is(world.records.length, 0, 'nothing was taken')
  assert.match(String(reply.headers['content-type']), /^application\/problem\+json/)
  const { status, code, detail } = reply.json()
  assert.is(status, reply.statusCode)
  assert.ok(detail.length > 10, detail)
  return `${status} ${code}`
}

test('a body of which nothing can be read is 400, with what was expected', async () => {
  assert.is(await answer(''), '400 no_body')
  for (const body of ['nonsense', '{"event":', '\u0000', Buffer.from([0xff, 0xfe, 0x7b, 0x00])])
    assert.is(await answer(body), '400 not_json')
  for (const body of ['null', '7', '"text"', 'true']) assert.is(await answer(body), '400 no_events')
  for (const batch of ['x', 7, {}, null])
    assert.is(await answer({ batch }, {}, '/v1/batch'), '400 no_batch')
  assert.is(await answer({ batch: 'x' }), '400 no_batch')
  assert.is(await answer({}, {}, '/v1/batch'), '400 no_batch')
  assert.is(await answer('xxxx', { 'content-encoding': 'gzip' }), '400 not_unpackable')
  const half = gzipSync(JSON.stringify(event)).subarray(0, 20)
  assert.is(await answer(half), '400 not_unpackable')
  assert.is(await answer(event, { 'content-encoding': 'zstd' }), '415 unknown_encoding')
})

test('a body that is too large is 413, also one that only unpacks to it, and soon', async () => {
  const large = JSON.stringify({ ...event, properties: { text: 'x'.repeat(512_000) } })
  assert.is(await answer(large), '413 payload_too_large')
  assert.is(await answer(gzipSync(large)), '413 body_too_large')
  const bomb = gzipSync(Buffer.alloc(100_000_000))
  const before = process.memoryUsage().rss
  assert.is(await answer(bomb), '413 body_too_large')
  assert.ok(process.memoryUsage().rss - before < 60_000_000, 'it was not unpacked')
  const many = { batch: Array.from({ length: 5_001 }, () => 0) }
  assert.is(await answer(many, {}, '/v1/batch'), '413 too_many_events')
})

test('a batch of 500 KB is taken, and an event of 32 KB', async () => {
  const world = new DoorWorld()
  const part = { type: 'track', ...event, properties: { text: 'x'.repeat(31_000) } }
  const { statusCode } = await world.post('/v1/batch', { batch: Array(16).fill(part) })
  assert.is(statusCode, 200)
  assert.is(world.events.length, 16)
})

test('without a key, or with another, it is 401', async () => {
  assert.is(await answer(event, { authorization: '' }), '401 no_key')
  assert.is(await answer(event, { authorization: 'Bearer x' }), '401 unknown_key')
})

test('when nothing more can be kept it is 429 with Retry-After, and nothing else', async () => {
  const world = new DoorWorld()
  world.refusal = new SinkFull('spool_full', 'full', 7)
  const { statusCode, headers } = await world.post('/v1/batch', { batch: [event, {}] })
  assert.equal([statusCode, headers['retry-after']], [429, '7'])
  world.refusal = undefined
  assert.is((await world.post('/v1/track', event)).statusCode, 200)
})

test('a fault of our own is 500, which clients send again, and tells nothing', async () => {
  const world = new DoorWorld()
  world.refusal = new TypeError('a secret of ours')
  const { statusCode, body } = await world.post('/v1/track', event)
  assert.is(statusCode, 500)
  assert.not.match(body, 'secret')
})

test('no answer is a redirect: clients would take it for a success', async () => {
  const { app } = new DoorWorld()
  for (const url of ['/v1', '/v1/', '/v1/track/', '/V1/track', '//v1/track', '/v1//track', '/'])
    for (const method of ['POST', 'GET', 'PUT'] as const)
      assert.is((await app.inject({ method, url, payload: '{}', headers: bearer })).statusCode, 404)
})

test('a batch with bad events is 200, and says which and why, the first twenty of them', async () => {
  const world = new DoorWorld()
  const batch = [{ type: 'track', ...event }, { type: 'track', userId: 'u' }, 7]
  const reply = await world.post('/v1/batch', { batch })
  assert.is(reply.statusCode, 200)
  assert.equal(reply.json(), {
    ...{ success: true, accepted: 1, rejectedCount: 2 },
    rejected: [
      {
        ...{ index: 1, code: 'bad_field', path: 'event' },
        reason: 'expected the name of what happened, got nothing',
      },
      {
        ...{ index: 2, code: 'not_an_event', path: '' },
        reason: 'expected an object with a type and a user, got a number',
      },
    ],
  })
  const many = await world.post('/v1/batch', { batch: Array(100).fill(0) })
  assert.is(many.json().rejected.length, 20)
  assert.is(many.json().rejectedCount, 100)
  const single = await world.post('/v1/track', { userId: 'u' })
  assert.equal([single.statusCode, single.json().accepted], [200, 0])
})

test.run()
