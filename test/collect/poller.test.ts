import { writeFileSync } from 'node:fs'
import { assert, rejects, suite } from '../harness.ts'
import { PollerWorld } from './poller-world.ts'
import { refuse, sendJson } from './small-source.ts'

const test = suite('poller')
let world: PollerWorld

test.before.each(async () => {
  world = new PollerWorld()
  await world.crm.start()
})
test.after.each(() => world.close())

test('reads every page and makes events of its items', async () => {
  world.crm.answer = world.byToken
  await world.once()
  assert.equal(world.crm.paths(), [
    '/people?limit=3',
    '/people?limit=3&after=3',
    '/people?limit=3&after=6',
  ])
  assert.equal(world.taken.length, 7)
  assert.equal(world.taken[0], {
    ...{ type: 'identify', userId: 'crm-1', timestamp: '2026-01-01T00:00:00Z' },
    ...{
      messageId: 'crm:1:2026-01-01T00:00:00Z',
      traits: { email: 'p1@example.com', from: 'crm' },
    },
  })
})

test('logs in, and says no word of it to anybody else', async () => {
  world.crm.answer = world.byToken
  await world.once(world.source({ headers: { 'x-team': 'shop' } }), {
    authorization: 'Bearer secret',
  })
  for (const { headers } of world.crm.asked) {
    assert.is(headers.authorization, 'Bearer secret')
    assert.is(headers['x-team'], 'shop')
  }
  assert.not.match(JSON.stringify(world.position()), /secret/)
})

test('waits as long as a source asks, backs off where it does not say, and goes on', async () => {
  const faults = [
    (response: Parameters<typeof refuse>[0]) => refuse(response, 429, { 'retry-after': '7' }),
    (response: Parameters<typeof refuse>[0]) => refuse(response, 500),
    (response: Parameters<typeof refuse>[0]) => response.destroy(),
    (response: Parameters<typeof refuse>[0]) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{"results": [')
      setTimeout(() => response.destroy(), 5)
    },
  ]
  world.crm.answer = (asked, response) => {
    const fault = faults.shift()
    if (fault) fault(response)
    else world.byToken(asked, response)
  }
  await world.once()
  assert.equal(world.clock.waits, [7_000, 2_000, 4_000, 8_000])
  assert.is(world.taken.length, 7)
  assert.match(world.troubles[0] ?? '', /^crm answered 429$/)
  assert.match(world.troubles[3] ?? '', /^crm: 127.0.0.1:\d+: .*(aborted|cut off)/)
})

test('gives a page up after a bounded number of tries, and polling tries it again', async () => {
  world.crm.answer = (_asked, response) => refuse(response, 503, { 'retry-after': '86400' })
  await rejects(() => world.once(), 'source_away')
  assert.is(world.crm.asked.length, 8)
  assert.equal(new Set(world.clock.waits), new Set([900_000]))
  const ends = new AbortController()
  world.crm.answer = (asked, response) => {
    if (world.crm.asked.length <= 16) refuse(response, 502)
    else world.byToken(asked, response)
  }
  await world.poll({
    source: world.source({ everySeconds: 60 }),
    signal: ends.signal,
    onPage: () => world.taken.length === 7 && ends.abort(),
  })
  assert.ok(world.clock.waits.includes(60_000))
  assert.is(world.taken.length, 7)
})

test('ends where asking again would not help, and says what to look at', async () => {
  const ends = (status: number, headers = {}) => {
    world.crm.answer = (_asked, response) => refuse(response, status, headers)
    return rejects(() => world.once(), 'source_refused')
  }
  assert.match((await ends(401)).message, /^crm answered 401: is "auth" right/)
  assert.match((await ends(404)).message, /answered 404: is "url" right/)
  assert.match((await ends(302, { location: 'http://x/' })).message, /redirects are not followed/)
  world.crm.answer = (_asked, response) => response.end('<html>')
  assert.match(
    (await rejects(() => world.once(), 'source_refused')).message,
    /page of 6 bytes is not JSON/,
  )
  world.crm.answer = (_asked, response) => sendJson(response, { people: [] })
  await rejects(() => world.once(), /"items" is "results", and no list is there/)
  assert.is(world.crm.asked.length, 5)
})

test('goes on with the page that was not safe when it died', async () => {
  world.crm.answer = world.byToken
  world.diesAt = 2
  await rejects(() => world.once(), 'the machine is gone')
  assert.is((world.position() as { cursor: string }).cursor, '3')
  world.diesAt = Number.POSITIVE_INFINITY
  await world.once()
  assert.equal(world.crm.paths().slice(-2), ['/people?limit=3&after=3', '/people?limit=3&after=6'])
  const ids = world.taken.map(({ messageId }) => messageId)
  assert.is(new Set(ids).size, 7)
})

test('of a position file that was torn it knows nothing, and begins anew', async () => {
  world.crm.answer = world.byToken
  writeFileSync(world.positionPath, '{"cursor":')
  await world.once()
  assert.is(world.taken.length, 7)
})

test('does not ask this machine or a private network, nor read world.pages without end', async () => {
  world.crm.answer = (_asked, response) =>
    sendJson(response, { results: [], more: 'x'.repeat(2_000) })
  const closed = await rejects(
    () => world.once(world.source({ privateHosts: false })),
    'source_refused',
  )
  assert.match(closed.message, /127.0.0.1 is an address of this machine/)
  const named = world.source({
    privateHosts: false,
    url: world.crm.url.replace('127.0.0.1', 'localhost'),
    cursor: { by: 'link' },
  })
  await rejects(() => world.once(named), /localhost is an address of this machine/)
  assert.is(world.crm.asked.length, 0)
  await rejects(() => world.once(world.source({ pageBytesMax: 1_024 })), /has more than 1024 bytes/)
  const slow = world.source({ timeoutSeconds: 0.1 })
  world.crm.answer = () => undefined
  await rejects(() => world.once(slow), /nothing whole came within 100 ms, and so it was 8 times/)
})

test('says how many of a page were rejected and why, and goes on: they are kept', async () => {
  world.crm.answer = world.byToken
  world.rejects = 2
  await world.once()
  assert.equal(
    world.pages.map(({ accepted, rejected, fault }) => [accepted, rejected, fault]),
    [
      ...[
        [1, 2, 'userId expected one'],
        [1, 2, 'userId expected one'],
      ],
      [-1, 2, 'userId expected one'],
    ],
  )
})

test('of a cursor that answered another question it thinks nothing, and keeps what was newest', async () => {
  const since = { path: 'updatedAt', start: 0 }
  const url = `${world.crm.url}/people?since={since}&after={cursor}`
  world.crm.answer = world.byToken
  await world.once(world.source({ url, since }))
  world.diesAt = 2
  await rejects(() => world.once(world.source({ url, since })), 'the machine is gone')
  world.diesAt = Number.POSITIVE_INFINITY
  await world.once(world.source({ url: url.replace('people', 'persons'), since }))
  assert.equal(world.crm.paths()[5], `/persons?since=${encodeURIComponent('2026-01-07T00:00:00Z')}`)
})

test.run()
