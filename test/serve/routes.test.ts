import { createApp } from '../../http/server.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { noAudit } from '../../serve/audit.ts'
import { checkBodiesOnly } from '../../serve/openapi.ts'
import { QueueFull } from '../../serve/read-queue.ts'
import { openReaders } from '../../serve/readers.ts'
import { addFeatureRoutes } from '../../serve/routes.ts'
import { parseRow, type Row } from '../../serve/row.ts'
import type { Rows } from '../../serve/topic-view.ts'
import { assert, suite } from '../harness.ts'

const test = suite('feature routes')

const features = { orders: 3, revenue: 99.5, lastViewed: ['p1', 'p2'] }
const rows = new Map(['anna', 'a/b c', 'bärbel', ''].map(key => [key, row(key)]))
let known = true
let full = false
const source: Rows = {
  get: key => rows.get(key),
  atHand: () => undefined,
  find: async key => {
    if (full) throw new QueueFull()
    return rows.get(key)
  },
  standingOf: () => ({ source: 'live', ageMs: 12 }),
  standingOfAbsence: () => (known ? { source: 'stale', ageMs: 7_000 } : undefined),
}
const app = createApp({
  health: async () => ({ alive: true }),
  ready: async () => ({ ready: true, reasons: [] }),
  metrics: async () => '',
  routes: app => {
    checkBodiesOnly(app)
    addFeatureRoutes({
      app,
      features: source,
      readers: openReaders,
      edgeSeconds: 0,
      audit: noAudit,
      telemetry: noTelemetry,
    })
  },
})
const ask = (path: string, headers: Record<string, string> = {}) =>
  app.inject({ url: `/v1/users/${path}`, headers })

test.after(() => app.close())

test('a user has a row, with its source and age', async () => {
  const answer = await ask('anna/features')
  assert.is(answer.statusCode, 200)
  assert.is(answer.headers['content-type'], 'application/json; charset=utf-8')
  assert.equal(answer.json(), {
    key: 'anna',
    version: [41, 2],
    asOf: 1_800_000_000_000,
    features,
    segments: ['buyer'],
    source: 'live',
    ageMs: 12,
  })
  assert.is(answer.headers.etag, 'W/"41-2"')
  assert.is(answer.headers['millrace-source'], 'live')
  assert.is(answer.headers['millrace-age-ms'], '12')
})

test('an id is percent-decoded, also where it holds a slash', async () => {
  for (const id of ['a/b c', 'bärbel']) {
    const answer = await ask(`${encodeURIComponent(id)}/features`)
    assert.is(answer.json().key, id)
  }
})

test('an unknown user is 404, and how old that knowledge is stands beside', async () => {
  const answer = await ask('zoe/features')
  assert.is(answer.statusCode, 404)
  assert.match(String(answer.headers['content-type']), 'application/problem+json')
  assert.is(answer.json().code, 'unknown_user')
  assert.is(answer.headers['millrace-source'], 'stale')
  assert.is(answer.headers['millrace-age-ms'], '7000')
})

test('where too many wait for rows it is 503, and when to come again', async () => {
  full = true
  const answer = await ask('anna/features')
  full = false
  assert.is(answer.statusCode, 503)
  assert.is(answer.headers['retry-after'], '1')
  assert.is(answer.json().code, 'busy')
})

test('before the topic was read, a user without a row is not called unknown', async () => {
  known = false
  const answer = await ask('zoe/features')
  known = true
  assert.is(answer.statusCode, 503)
  assert.is(answer.json().code, 'not_caught_up')
  assert.is(answer.headers['retry-after'], '1')
})

test('a client that has the version gets 304 without a body', async () => {
  for (const tag of ['W/"41-2"', '"41-2"', '*', '"1", W/"41-2"']) {
    const answer = await ask('anna/features', { 'if-none-match': tag })
    assert.is(answer.statusCode, 304, tag)
    assert.is(answer.body, '')
    assert.is(answer.headers.etag, 'W/"41-2"')
    assert.is(answer.headers['millrace-age-ms'], '12')
  }
  const changed = await ask('anna/features', { 'if-none-match': 'W/"41-1"' })
  assert.is(changed.statusCode, 200)
  const unknown = await ask('zoe/features', { 'if-none-match': '*' })
  assert.is(unknown.statusCode, 404)
})

test('fields leaves only the features that are named and there', async () => {
  const two = await ask('anna/features?fields=orders,%20revenue,nothing')
  assert.equal(two.json().features, { orders: 3, revenue: 99.5 })
  assert.is(two.json().key, 'anna')
  assert.is(two.json().source, 'live')
  const repeated = await ask('anna/features?fields=orders&fields=lastViewed')
  assert.equal(repeated.json().features, { orders: 3, lastViewed: ['p1', 'p2'] })
  const none = await ask('anna/features?fields=')
  assert.equal(none.json().features, {})
  const many = await ask(`anna/features?fields=${'a,'.repeat(200)}`)
  assert.is(many.statusCode, 400)
  assert.is(many.json().code, 'too_many_fields')
})

test('ids that cannot be are told so', async () => {
  const long = await ask(`${'x'.repeat(1_025)}/features`)
  assert.is(long.statusCode, 400)
  assert.is(long.json().code, 'id_too_long')
  const longest = await ask(`${encodeURIComponent('ä'.repeat(1_024))}/features`)
  assert.is(longest.statusCode, 404)
  assert.is(longest.json().code, 'unknown_user')
  const longer = await ask(`${'x'.repeat(9_000)}/features`)
  assert.ok(longer.statusCode === 400 || longer.statusCode === 414, String(longer.statusCode))
  const rubbish = await ask('%E4%zz/features')
  assert.is(rubbish.statusCode, 400)
})

test.run()

function row(key: string): Row {
  const value = { key, version: [41, 2], asOf: 1_800_000_000_000, features, segments: ['buyer'] }
  const read = parseRow(key, Buffer.from(JSON.stringify({ ...value, more: 'dropped' })), 0)
  if (typeof read === 'string') throw new Error(read)
  return read
}
