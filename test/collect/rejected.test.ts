import { EventIntake } from '../../collect/event-intake.ts'
import { makePlan } from '../../collect/plan.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { assert, suite } from '../harness.ts'
import { DoorWorld, NOW } from './door-world.ts'

const test = suite('rejected events')
const good = { type: 'track', event: 'Seen', userId: 'u' }
const deep = (levels: number): unknown =>
  JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)

test('what no job could take is rejected with a code, a path and a reason, the rest of its batch is not', async () => {
  const cases: [code: string, path: string, event: unknown][] = [
    ['not_an_event', '', null],
    ['not_an_event', '', 'text'],
    ['not_an_event', '', [good]],
    ['bad_type', 'type', { ...good, type: 'link' }],
    ['bad_type', 'type', { ...good, type: 'merge' }],
    ['bad_type', 'type', { ...good, type: 'delete' }],
    ['bad_type', 'type', { userId: 'u' }],
    ['bad_type', 'type', { ...good, type: 7 }],
    ['bad_field', 'event', { ...good, event: '' }],
    ['bad_field', 'event', { ...good, event: 'x'.repeat(1_025) }],
    ['bad_field', 'properties', { ...good, properties: 'x' }],
    ['bad_field', 'traits', { ...good, traits: [] }],
    ['bad_field', 'context', { ...good, context: 7 }],
    ['bad_field', 'messageId', { ...good, messageId: {} }],
    ['bad_field', 'messageId', { ...good, messageId: 'x'.repeat(257) }],
    ['bad_field', 'groupId', { type: 'group', userId: 'u' }],
    ['bad_field', 'previousId', { type: 'alias', userId: 'u' }],
    ['no_user', 'userId', { type: 'page' }],
    ['no_user', 'userId', { type: 'page', userId: '', anonymousId: null }],
    ['no_user', 'userId', { ...good, userId: { id: 1 } }],
    ['no_user', 'userId', { ...good, userId: 'x'.repeat(1_025) }],
    ['no_user', 'userId', { ...good, userId: '\u0000u' }],
    ['no_user', 'userId', { ...good, userId: 'half \ufffd' }],
    ['no_user', 'anonymousId', { type: 'page', anonymousId: true }],
    ['no_time', 'timestamp', { ...good, timestamp: 'yesterday' }],
    ['no_time', 'timestamp', { ...good, timestamp: 'a 7' }],
    ['no_time', 'timestamp', { ...good, timestamp: {} }],
    ['no_time', 'timestamp', { ...good, timestamp: '1999-12-31T23:59:59.999Z' }],
    ['no_time', 'timestamp', { ...good, timestamp: NOW / 1000 }],
    ['no_time', 'originalTimestamp', { ...good, originalTimestamp: 'x', timestamp: null }],
    ['too_deep', 'properties.a.a.a.a', { ...good, properties: deep(32) }],
    ['too_many_keys', '', { ...good, properties: { list: Array(5_000).fill(0) } }],
    ['too_large', '', { ...good, properties: { text: 'x'.repeat(33_000) } }],
  ]
  const world = new DoorWorld()
  for (const [code, path, event] of cases) {
    world.records.length = 0
    const reply = await world.post('/v1/batch', { batch: [good, event, good] })
    const what = JSON.stringify(event)?.slice(0, 100)
    assert.is(reply.statusCode, 200, what)
    assert.is(world.events.length, 2, what)
    const [rejected, ...others] = world.rejected
    assert.equal([rejected?.code, rejected?.path, others], [code, path, []], what)
    assert.match(rejected?.reason ?? '', /^expected .*/, what)
    assert.is(rejected?.payload, JSON.stringify(event), what)
    assert.is(rejected?.cut, false)
  }
})

test('whatever comes, what is kept of it is no larger than brokers take', async () => {
  const most = 600_000
  const text = (bytes: number, byte = 0xff) => Buffer.alloc(bytes, byte).toString('latin1')
  const bodies = [
    `{"type":"track","userId":"u","event":"${text(500_000)}"}`, // each byte is no UTF-8, and three as U+FFFD
    `{"type":"track","userId":"u","event":"Seen","p":{"${text(400_000)}":1e999}}`, // a path has keys
    `{"sentAt":"${text(400_000)}","batch":[1,2,3]}`, // and each event its batch's time
  ]
  for (const body of bodies) {
    const world = new DoorWorld()
    const answer = await world.post('/v1/batch', Buffer.from(body, 'latin1'))
    assert.is(answer.statusCode, 200)
    assert.ok(world.rejected.length > 0)
    for (const { value } of world.records) assert.ok((value?.length ?? 0) < most, body.slice(0, 60))
  }
})

test('a batch whose context would be gigabytes in its events is refused before it is', async () => {
  const world = new DoorWorld()
  const batch = Array.from({ length: 5_000 }, () => ({}))
  const context = { text: 'x'.repeat(400_000) }
  const answer = await world.post('/v1/batch', { batch, context })
  assert.equal([answer.statusCode, answer.json().code], [413, 'context_too_large'])
  assert.equal(world.records, [])
  const few = await world.post('/v1/batch', { batch: batch.slice(0, 10), context })
  assert.equal([few.statusCode, world.rejected.length], [200, 10])
})

test('all that is needed to take it after all is kept, and no key', async () => {
  const world = new DoorWorld()
  const event = { type: 'page', userId: [], writeKey: 'dev', messageId: 'm', more: 'ü' }
  const sentAt = '2026-11-22T09:59:58.000Z'
  const headers = { 'user-agent': 'Browser/1' }
  await world.post('/v1/b', { batch: [event], sentAt, writeKey: 'dev' }, headers)
  const { writeKey: _, ...kept } = event
  assert.equal(world.rejected, [
    {
      ...{ version: 1, code: 'no_user', path: 'userId' },
      reason: 'expected a string or a number, got an array',
      ...{ source: 'dev', receivedAt: '2026-11-22T10:00:00.000Z', sentAt },
      ...{ ip: '127.0.0.1', userAgent: 'Browser/1', payload: JSON.stringify(kept), cut: false },
    },
  ])
})

test('a bound holds for what is kept: of the very long the beginning, of the endlessly deep nothing', async () => {
  const world = new DoorWorld({ batchBytesMax: 2_000_000 })
  const endless = `{"event":${'['.repeat(400_000)}${']'.repeat(400_000)}}`
  assert.is((await world.post('/v1/track', endless)).statusCode, 400)
  await world.post('/v1/track', { ...good, properties: { text: 'é'.repeat(700_000) } })
  const [long] = world.rejected
  const bytes = Buffer.byteLength(long?.payload ?? '')
  assert.equal(
    [long?.code, long?.cut, bytes <= 512_000, bytes > 511_990],
    ['too_large', true, true, true],
  )
  assert.match(long?.payload ?? '', /é$/)
})

test('a source may refuse events without consent', async () => {
  const world = new DoorWorld({
    keys: { dev: { name: 'strict', action: 'write', requireConsent: true } },
  })
  const consent = { categoryPreferences: { Advertising: false } }
  const contexts = [
    undefined,
    {},
    { consent: {} },
    { consent: { categoryPreferences: true } },
    { consent },
  ]
  await world.post('/v1/batch', { batch: contexts.map(context => ({ ...good, context })) })
  assert.equal(
    world.events.map(({ context }) => context.consent),
    [consent],
  )
  assert.is(world.rejected.length, 4)
  for (const { code, path } of world.rejected)
    assert.equal([code, path], ['no_consent', 'context.consent.categoryPreferences'])
})

test('the tracking plan rejects where it is enforced, and only counts where it observes', async () => {
  const price = { type: 'object', properties: { price: { type: 'number' } } }
  const planned = [{ name: 'Seen', version: 1, schema: price }]
  const wrong = { ...good, properties: { price: 'free' } }
  const counted: string[] = []
  const telemetry = {
    ...noTelemetry,
    add: (name: string, _amount: number, ...[labels]: unknown[]) =>
      void counted.push(`${name} ${JSON.stringify(labels)}`),
  }
  const enforcing = new DoorWorld({ plan: makePlan(planned, { mode: 'enforce' }) })
  await enforcing.post('/v1/batch', { batch: [good, wrong] })
  assert.is(enforcing.events.length, 1)
  assert.equal(
    enforcing.rejected.map(({ code, path }) => [code, path]),
    [['plan_failed', 'properties.price']],
  )
  const observing = new DoorWorld({ plan: makePlan(planned), telemetry })
  await observing.post('/v1/batch', { batch: [good, wrong] })
  assert.is(observing.events.length, 2)
  assert.ok(counted.includes('millrace_collect_plan_faults {"source":"dev","mode":"observe"}'))
})

test('keys that reach for prototypes are left out, and text that is no UTF-8 is mended', async () => {
  const world = new DoorWorld()
  const text = `{"event":"Seen","userId":"u","__proto__":{"a":1},"properties":{"\\u005f_proto__":{"polluted":1},
    "constructor":{"prototype":{"polluted":1}},"toString":"x","half":"\\ud83d","\\udc00":1,"huge":1e308}}`
  assert.is((await world.post('/v1/track', text)).statusCode, 200)
  assert.equal(world.events[0]?.properties, {
    toString: 'x',
    half: '\ufffd',
    huge: 1e308,
    '\ufffd': 1,
  })
  assert.is(({} as Record<string, unknown>).polluted, undefined)
  await world.post('/v1/track', '{"event":"Seen","userId":"u","properties":{"huge":1e999}}')
  assert.equal(
    world.rejected.map(({ path }) => path),
    ['properties.huge'],
  )
  await world.post('/v1/track', Buffer.from('{"event":"Seen","userId":"M\xfcller"}', 'latin1'))
  assert.is(world.rejected[1]?.code, 'no_user')
  await world.post('/v1/track', '{"event":"First","event":"Last","userId":"u"}')
  assert.is(world.events.at(-1)?.event, 'Last')
})

test('an identify with an address also joins the address to the user', async () => {
  const { addressesOf } = await import('../../collect/address.ts')
  const addresses = addressesOf('x'.repeat(32))
  const world = new DoorWorld({ addresses })
  await world.post('/v1/identify', { userId: 'u', messageId: 'm', traits: { email: 'A@b.de' } })
  const [identify, link] = world.events
  assert.is(identify?.messageId, 'm')
  assert.equal([link?.messageId, link?.type, link?.userId], ['m:email', 'identify', 'u'])
  assert.is(link?.anonymousId, addresses.idOf('a@b.de'))
  assert.equal(world.keys, ['u', 'u'])
  const put = { put: async () => undefined, close: async () => undefined }
  const intake = new EventIntake({
    sink: put,
    topic: 'events',
    telemetry: noTelemetry,
    addresses,
    eventBytesMax: 100,
  })
  const source = { name: 's', requireConsent: false }
  assert.equal(await intake.take([], { source, receivedAt: NOW }), { accepted: 0, rejected: [] })
})

test('others have their turn while a large batch is taken', async () => {
  const world = new DoorWorld()
  let turns = 0
  let done = false
  const count = () => {
    turns++
    if (!done) setImmediate(count)
  }
  setImmediate(count)
  await world.post('/v1/batch', { batch: Array(5_000).fill({ type: 'page', userId: 'u' }) })
  done = true
  assert.is(world.events.length, 5_000)
  assert.ok(turns >= 5, `${turns} turns`)
})

test.run()
