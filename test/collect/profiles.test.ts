import { BATCH_BYTES_MAX } from '../../collect/segment-routes.ts'
import { SinkFull } from '../../collect/sink.ts'
import { assert, suite } from '../harness.ts'
import { DoorWorld, NOW } from './door-world.ts'

const test = suite('profiles and events of other machines')

test('a profile becomes an identify event, from traits or flat', async () => {
  const world = new DoorWorld()
  const given = { userId: 'ann', email: 'ann@example.com', traits: { plan: 'pro' } }
  const answer = await world.post('/v1/profiles', given)
  assert.equal([answer.statusCode, answer.json()], [200, { accepted: 1, rejected: [] }])
  const [event] = world.events
  assert.equal(
    [event?.type, event?.userId, event?.timestamp, event?.traits],
    ['identify', 'ann', NOW, { email: 'ann@example.com', plan: 'pro' }],
  )
  assert.equal(event?.context.ip, undefined)
})

test('many come as an array or by name, numbers as ids, and the bad ones are told apart', async () => {
  const world = new DoorWorld()
  await world.post('/v1/profiles', [{ userId: 1 }, { userId: 2 }])
  const answer = await world.post('/v1/profiles', {
    profiles: [{ userId: 'a' }, 7, { email: 'secret' }, { userId: 'b', traits: 'secret' }],
  })
  assert.is(answer.statusCode, 200)
  const { accepted, rejected } = answer.json()
  assert.equal(
    [accepted, rejected.map(({ index, code }: { index: number; code: string }) => [index, code])],
    [
      1,
      [
        ...[
          [1, 'not_an_event'],
          [2, 'no_user'],
        ],
        [3, 'bad_field'],
      ],
    ],
  )
  assert.not.match(answer.body, /secret/)
  assert.equal(world.keys, ['1', '2', 'a'])
  assert.is(world.rejected.length, 3)
})

test('the same profile with its time makes the same message id, and without one another each time', async () => {
  const world = new DoorWorld()
  const changed = { userId: 'ann', traits: { plan: 'pro' }, timestamp: '2026-11-01T00:00:00Z' }
  await world.post('/v1/profiles', [changed, { userId: 'ann', plan: 'pro' }])
  await world.post('/v1/profiles', [changed, { userId: 'ann', plan: 'pro' }])
  await world.post('/v1/profiles', { ...changed, traits: { plan: 'free' } })
  await world.post('/v1/profiles', { ...changed, messageId: 'mine' })
  const ids = world.events.map(({ messageId }) => messageId)
  assert.match(ids[0] ?? '', /^profile:[\w-]{27}$/)
  assert.is(ids[0], ids[2])
  assert.is(new Set(ids).size, 5)
  assert.is(ids[5], 'mine')
})

test('a profile that is nested too deeply is rejected like every event that is', async () => {
  const world = new DoorWorld()
  const nested = (levels: number) =>
    `{"userId":"ann","timestamp":"2026-11-01T00:00:00Z","traits":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`
  const answer = await world.post('/v1/profiles', nested(500))
  assert.equal([answer.statusCode, answer.json().code], [422, 'too_deep'])
  const endless = await world.post('/v1/profiles', nested(60_000))
  assert.equal([endless.statusCode, endless.json().code], [400, 'not_json'])
})

test('where nothing is good the status says so, and where nothing is readable', async () => {
  const world = new DoorWorld()
  const bad = await world.post('/v1/profiles', { email: 'a@b.c' })
  assert.is(bad.statusCode, 422)
  assert.match(bad.headers['content-type'] as string, /problem\+json/)
  assert.equal(
    [bad.json().code, bad.json().accepted, bad.json().rejected.length],
    ['no_user', 0, 1],
  )
  for (const [body, status, code] of [
    ['[]', 400, 'no_rows'],
    ['7', 400, 'no_rows'],
    ['{', 400, 'not_json'],
    ['', 400, 'no_body'],
    [JSON.stringify(Array(1_001).fill({})), 413, 'too_many_rows'],
    [`[${' '.repeat(BATCH_BYTES_MAX)}]`, 413, undefined],
  ] as const) {
    const answer = await world.post('/v1/profiles', body)
    assert.is(answer.statusCode, status)
    if (code !== undefined) assert.is(answer.json().code, code)
  }
  assert.is((await world.post('/v1/profiles', {}, {})).statusCode, 401)
})

test('what cannot be kept is answered 429', async () => {
  const world = new DoorWorld()
  world.refusal = new SinkFull('spool_full', 'full', 7)
  for (const path of ['profiles', 'events', 'products']) {
    const answer = await world.post(`/v1/${path}`, { userId: 'a', type: 'page', id: 'p' })
    assert.equal([answer.statusCode, answer.headers['retry-after']], [429, '7'], path)
  }
})

test("events of other machines carry no address of the sender's, and every rejected one is named", async () => {
  const world = new DoorWorld()
  const events = Array.from({ length: 60 }, (_, at) =>
    at % 2 === 0 ? { type: 'page', userId: 'a', context: { ip: '192.0.2.7' } } : { type: 'page' },
  )
  const answer = await world.post(
    '/v1/events',
    { events },
    { authorization: 'Bearer dev', 'user-agent': 'x' },
  )
  assert.equal([answer.json().accepted, answer.json().rejected.length], [30, 30])
  assert.equal(world.events[0]?.context, { ip: '192.0.2.7' })
})

test('an event of an archive keeps its time, whenever it says that it was sent', async () => {
  const world = new DoorWorld()
  const archived = {
    ...{
      type: 'page',
      userId: 'a',
      sentAt: '2024-05-01T10:00:09Z',
      receivedAt: '2024-05-01T10:00:10Z',
    },
    ...{ originalTimestamp: '2024-05-01T09:00:00Z', timestamp: '2024-05-01T09:00:01Z' },
  }
  const { timestamp: _, ...without } = archived
  await world.post('/v1/events', [archived, without, { type: 'page', userId: 'a' }])
  assert.equal(
    world.events.map(({ timestamp }) => timestamp),
    [Date.UTC(2024, 4, 1, 9, 0, 1), Date.UTC(2024, 4, 1, 9), NOW],
  )
})

test.run()
