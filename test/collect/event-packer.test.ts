import fc from 'fast-check'
import { EventIntake } from '../../collect/event-intake.ts'
import { EventPacker } from '../../collect/event-packer.ts'
import { eachPacked, jsonEventOf, jsonEventsOf } from '../../collect/json-events.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { assert, suite } from '../harness.ts'
import { NOW } from './door-world.ts'
import { edited, edits, same } from './packer-world.ts'

const test = suite('events packed from their JSON')
const texts = fc.oneof(
  fc.constantFrom('', 'a', 'Ann', 'käse', '\ufffd', '\ud800', '"', '\\', '\n', '😀', '__proto__'),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer({ min: 30, max: 300 }).map(length => 'x'.repeat(length)),
)
const numbers = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -40, max: 300 }),
  fc.integer({ min: 0, max: 10 ** 9 }).map(cents => cents / 100),
  fc.constantFrom(-0, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 + 2, 1e21, 5e-324, -(2 ** 31)),
)
const names = fc.oneof(
  fc.constantFrom('product_id', 'price', 'name', 'ip', 'library', 'constructor', '__proto__'),
  fc.string({ maxLength: 12 }),
)
const { value: anything } = fc.letrec<{ value: unknown; object: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    ...[texts, numbers, fc.boolean(), fc.constant(null)],
    ...[tie('object'), fc.array(tie('value'), { maxLength: 20 })],
  ),
  object: fc.dictionary(names, tie('value'), { maxKeys: 20 }),
}))
const time = fc.oneof(
  fc.integer({ min: NOW - 10 ** 10, max: NOW + 10 ** 7 }).map(ms => new Date(ms).toISOString()),
  fc.constantFrom(
    '2026-01-31',
    '2026-01-02T03:04:05+01:00',
    'soon',
    '',
    '1999-01-01T00:00:00.000Z',
  ),
)
const mostly = <Value>(usual: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: anything })
const id = mostly(fc.constantFrom<unknown>('u1', 'user-77', 'a:b'))
const context = fc.record(
  {
    ip: mostly(fc.constantFrom<unknown>('192.0.2.1', null)),
    userAgent: mostly(fc.constantFrom<unknown>('Browser', null)),
    library: mostly(
      fc.constantFrom<unknown>({ name: '@segment/analytics-node' }, { name: 'web' }, null),
    ),
    page: anything,
  },
  { requiredKeys: [] },
)
const event = fc.record(
  {
    type: mostly(
      fc.constantFrom<unknown>('track', 'page', 'screen', 'identify', 'alias', 'nosuch'),
    ),
    event: mostly(fc.constantFrom<unknown>('Seen', 'Order Completed')),
    userId: id,
    anonymousId: id,
    previousId: id,
    messageId: mostly(fc.constantFrom<unknown>('m1', 'm'.repeat(36))),
    timestamp: mostly(time),
    originalTimestamp: mostly(time),
    sentAt: mostly(time),
    receivedAt: anything,
    writeKey: fc.constant('dev'),
    batch: anything,
    properties: mostly(fc.dictionary(names, anything, { maxKeys: 20 })),
    traits: mostly(fc.dictionary(names, anything, { maxKeys: 3 })),
    context: mostly(context),
    integrations: anything,
  },
  { requiredKeys: [] },
)
/** Nearly all of them have what an event needs. */
const events = event.chain(given =>
  fc
    .boolean()
    .map(isWhole =>
      isWhole ? { type: 'track', event: 'Seen', userId: 'u', messageId: 'm', ...given } : given,
    ),
)
const spaces = fc.constantFrom(0, 1)

test('one event is what it would be by way of objects, however it is written', async () => {
  const path = fc.constantFrom('/v1/track', '/v1/page', '/v1/identify', '/v1/t')
  const property = fc.asyncProperty(path, events, spaces, edits, (path, event, indent, edit) =>
    same(path, edited(JSON.stringify(event, undefined, indent), edit)),
  )
  await fc.assert(property, { numRuns: 250 })
})

test('so are batches, whatever is said beside their events', async () => {
  const frame = fc.record(
    { sentAt: mostly(time), writeKey: fc.constant('dev'), context: fc.constant({ page: 1 }) },
    { requiredKeys: [] },
  )
  const batch = fc.array(events, { maxLength: 4 })
  const property = fc.asyncProperty(batch, frame, spaces, edits, (batch, frame, indent, edit) =>
    same('/v1/batch', edited(JSON.stringify({ batch, ...frame }, undefined, indent), edit)),
  )
  await fc.assert(property, { numRuns: 250 })
})

test('names that are there twice, bytes that are no UTF-8, and many names are told as they were', async () => {
  const start = '{"type":"track","event":"Seen","messageId":"m","userId":"u","properties":'
  await same('/v1/batch', `{"batch":[${start}{"a":1,"a":2}}]}`)
  await same('/v1/batch', `{"batch":[${start}{}, "userId":"v"}]}`)
  await same(
    '/v1/batch',
    `{"batch":[${start}{"a":1},"timestamp":"2026-01-01","timestamp":"2026-01-02"}]}`,
  )
  await same(
    '/v1/track',
    Buffer.concat([Buffer.from(`${start}{"a":"`), Buffer.from([0xff, 0x22, 0x7d, 0x7d])]),
  )
  for (const count of [15, 16, 99, 100, 101, 5_000, 5_001]) {
    const properties = Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at]))
    await same('/v1/batch', `{"batch":[${start}${JSON.stringify(properties)}}]}`)
    await same(
      '/v1/batch',
      `{"batch":[${start}{"a":${JSON.stringify(Object.values(properties))}}}]}`,
    )
  }
  for (const depth of [30, 31, 32, 33, 2_000])
    await same('/v1/batch', `{"batch":[${start}{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}]}`)
  for (const length of [1_024, 1_025]) {
    const name = 'e'.repeat(length)
    await same('/v1/track', JSON.stringify({ event: name, userId: name, messageId: 'm' }))
  }
  for (const chars of [32_000, 33_000])
    await same('/v1/batch', `{"batch":[${start}{"a":"${'x'.repeat(chars)}"}}]}`)
  await same('/v1/batch', `{"batch":[${start}{}}],"batch":[${start}{"b":1}}]}`)
  await same('/v1/batch', `{"batch":[${start}{}},],"sentAt":"x"}`)
})

test('events as SDKs write them are packed so', async () => {
  const event = {
    ...{ type: 'track', event: 'Seen', userId: 'u', messageId: 'm', properties: { price: 59.9 } },
    ...{ timestamp: '2026-01-31T10:20:30.400Z', context: { library: { name: 'web' } } },
  }
  const sink = { put: async () => undefined, close: async () => undefined }
  const options = { sink, topic: 'events', telemetry: noTelemetry, eventBytesMax: 32_768 }
  const intake = new EventIntake(options)
  const source = { name: 'dev', requireConsent: false }
  const take = (body: unknown) => {
    const events = jsonEventsOf(Buffer.from(JSON.stringify(body)))
    return events && intake.takeJson(events, { source, receivedAt: NOW, sentAt: events.sentAt })
  }
  const accepted = { accepted: 1, rejected: [] }
  const batch = { batch: [event], sentAt: '2026-01-31T10:20:30.500Z', writeKey: 'dev' }
  assert.equal(await take(batch), accepted)
  const events = jsonEventsOf(Buffer.from(JSON.stringify(batch)))
  const moment = { arrival: { source, receivedAt: NOW }, receivedAt: new Date(NOW).toISOString() }
  let packed = 0
  const count = (value: Uint8Array | undefined) => {
    if (value !== undefined) packed++
    return true
  }
  assert.ok(events && eachPacked(new EventPacker(), events, moment, count))
  assert.is(packed, 1)
  assert.is(take({ batch: [event], context: {} }), undefined)

  const takeAlone = (body: unknown, type: string) => {
    const alone = jsonEventOf(Buffer.from(JSON.stringify(body)), type)
    return alone && intake.takeJson(alone, { source, receivedAt: NOW })
  }
  const { type, ...untyped } = event
  assert.equal(await takeAlone(event, 'screen'), accepted)
  assert.equal(await takeAlone(untyped, type), accepted)
  for (const other of ['identify', 'group', 'alias'])
    assert.is(takeAlone(untyped, other), undefined, other)
  const { messageId: _, ...withoutId } = event
  for (const unusual of [withoutId, { ...event, writeKey: 'dev' }, [event], { batch: [event] }])
    assert.is(takeAlone(unusual, type), undefined, JSON.stringify(unusual))
})

test.run()
