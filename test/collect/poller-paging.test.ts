import { assert, rejects, suite } from '../harness.ts'
import { PollerWorld, people } from './poller-world.ts'
import { sendJson } from './small-source.ts'

const test = suite('pages of a poller')
let world: PollerWorld

test.before.each(async () => {
  world = new PollerWorld()
  await world.crm.start()
})
test.after.each(() => world.close())

test('asks the next pass only for what is newer than all that it has seen', async () => {
  const since = { path: 'updatedAt', start: '2025-12-01T00:00:00Z' } as const
  const changes = world.source({
    url: `${world.crm.url}/people?since={since}&after={cursor}`,
    since,
  })
  world.crm.answer = world.byToken
  world.diesAt = 3
  await rejects(() => world.once(changes), 'the machine is gone')
  world.diesAt = Number.POSITIVE_INFINITY
  await world.once(changes)
  world.crm.answer = (_asked, response) => sendJson(response, { results: [] })
  await world.once(changes)
  await world.once(changes)
  const asked = world.crm
    .paths()
    .map(path => new URL(path, world.crm.url).searchParams.get('since'))
  assert.equal(asked, [
    ...Array.from({ length: 4 }, () => '2025-12-01T00:00:00Z'),
    ...['2026-01-07T00:00:00Z', '2026-01-07T00:00:00Z'],
  ])
})

test('asks in a body, with the time as the source wants it and a little before', async () => {
  world.crm.answer = (_asked, response) => sendJson(response, { results: people })
  const search = world.source({
    url: `${world.crm.url}/search`,
    body: { filters: [{ value: '{since}' }], limit: 100, after: '{cursor}' },
    cursor: { by: 'token', path: 'paging.next.after' },
    since: { path: 'updatedAt', start: 0, as: 'epochMs', overlapSeconds: 60 },
  })
  await world.once(search)
  await world.once(search)
  assert.equal(
    world.crm.asked.map(({ method, body }) => [method, JSON.parse(body)]),
    [
      ['POST', { filters: [{ value: -60_000 }], limit: 100 }],
      ['POST', { filters: [{ value: Date.UTC(2026, 0, 7) - 60_000 }], limit: 100 }],
    ],
  )
  assert.is(world.taken[0]?.messageId, world.taken[7]?.messageId)
})

test('follows URLs of next world.pages, in the page or in the Link header, and to no other host', async () => {
  const byUrl = world.source({
    url: `${world.crm.url}/first`,
    cursor: { by: 'url', path: 'nextUrl' },
  })
  world.crm.answer = ({ url }, response) =>
    sendJson(response, {
      results: people.slice(0, 1),
      ...(url === '/first' && { nextUrl: '/query/01g-2000' }),
    })
  await world.once(byUrl)
  assert.equal(world.crm.paths(), ['/first', '/query/01g-2000'])
  world.crm.answer = ({ url }, response) => {
    const link = `<${world.crm.url}/one>; rel="previous", <${world.crm.url}/third>; rel="next"`
    sendJson(response, { results: [] }, url === '/first' ? { link } : {})
  }
  await world.once(world.source({ url: `${world.crm.url}/first`, cursor: { by: 'link' } }))
  assert.equal(world.crm.paths().slice(2), ['/first', '/third'])
  world.crm.answer = (_asked, response) =>
    sendJson(response, { results: [], nextUrl: 'http://169.254.169.254/latest' })
  const refused = await rejects(() => world.once(byUrl), 'source_refused')
  assert.match(refused.message, /the next page is at http:\/\/169.254.169.254, which is not where/)
})

test('counts items or world.pages where the source has no cursor of its own', async () => {
  world.crm.answer = ({ url }, response) => {
    const at = Number(new URL(url, world.crm.url).searchParams.get('offset'))
    sendJson(response, { results: people.slice(at, at + 3) })
  }
  await world.once(
    world.source({ url: `${world.crm.url}/?offset={cursor}`, cursor: { by: 'offset' } }),
  )
  assert.equal(world.crm.paths(), ['/?offset=0', '/?offset=3', '/?offset=6', '/?offset=7'])
  world.crm.asked.length = 0
  world.crm.answer = ({ url }, response) => {
    const at = Number(new URL(url, world.crm.url).searchParams.get('page')) - 1
    sendJson(response, { results: people.slice(at * 3, at * 3 + 3) })
  }
  await world.once(
    world.source({ url: `${world.crm.url}/?page={cursor}`, cursor: { by: 'pageNumber' } }),
  )
  assert.equal(world.crm.paths(), ['/?page=1', '/?page=2', '/?page=3', '/?page=4'])
})

test('keeps the cursor of a feed that only grows', async () => {
  let there = 4
  world.crm.answer = ({ url }, response) => {
    const after = Number(new URL(url, world.crm.url).searchParams.get('after') ?? 0)
    sendJson(response, { results: people.slice(after, Math.min(there, after + 2)) })
  }
  const feed = world.source({
    url: `${world.crm.url}/events?after={cursor}`,
    cursor: { by: 'lastItem', path: 'id', keep: true },
  })
  await world.once(feed)
  there = 7
  await world.once(feed)
  assert.equal(
    world.taken.map(({ userId }) => userId),
    people.map(({ id }) => `crm-${id}`),
  )
})

test('of one item it makes the same message id each time, also where the definition names none', async () => {
  const { messageId: _, ...event } = world.source().event
  world.crm.answer = (_asked, response) => sendJson(response, { results: people.slice(0, 2) })
  await world.once(world.source({ event }))
  await world.once(world.source({ event }))
  const [one, two, again] = world.taken.map(({ messageId }) => messageId)
  assert.match(String(one), /^crm:[\w-]{27}$/)
  assert.is(one, again)
  assert.is.not(one, two)
})

test('an item that is nested without end is an event that collect rejects, and the others come', async () => {
  world.crm.answer = (_asked, response) => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    response.end(`{"results":[{"id":1,"a":${deep}},{"id":2}]}`)
  }
  const { messageId: _, ...event } = world.source().event
  await world.once(world.source({ event: { ...event, properties: { all: '{a}' } } }))
  assert.equal(
    world.taken.map(({ userId }) => userId),
    [undefined, 'crm-2'],
  )
})

test.run()
