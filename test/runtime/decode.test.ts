import { Packr } from 'msgpackr'
import { plainEvent } from '../../jobs/event.ts'
import { type BadRecord, decodeEvent, eventBytesMax } from '../../runtime/decode.ts'
import { assert, suite } from '../harness.ts'

const test = suite('decode')
const appendedAt = Date.UTC(2026, 10, 22, 12)
const minute = 60_000

const json = (event: unknown) => Buffer.from(JSON.stringify(event))
const event = { messageId: 'm', event: 'Bought', userId: 'ann', timestamp: appendedAt - 5 }
const decoded = (value: Buffer | null) => decodeEvent(value, appendedAt)
/** As a job's functions may copy it. */
const fieldsOf = (value: Buffer) => ({ ...plainEvent(decoded(value)) })

function bad(value: Buffer | null, code: string, message = /./): void {
  try {
    decoded(value)
  } catch (error) {
    assert.is((error as BadRecord).name, 'BadRecord')
    assert.is((error as BadRecord).code, code)
    assert.match((error as BadRecord).message, message)
    return
  }
  throw new Error(`taken: ${value}`)
}

test('JSON and msgpack, with and without records, say the same', () => {
  const full = {
    ...event,
    ...{ type: 'track', anonymousId: 'a1', sentAt: appendedAt - 9, receivedAt: appendedAt - 3 },
    ...{ properties: { price: 1.5, list: [1, 'x'] }, traits: { age: 3 }, context: { ip: '::1' } },
  }
  const same = { key: 'ann', ...full, state: undefined }
  assert.equal(fieldsOf(json(full)), same)
  assert.equal(JSON.parse(JSON.stringify(decoded(json(full)))), JSON.parse(JSON.stringify(same)))
  assert.equal(fieldsOf(new Packr({ useRecords: false }).pack(full)), same)
  assert.equal(fieldsOf(new Packr({ useRecords: true }).pack(full)), same)
})

test('what is missing or of another kind gets its neutral value', () => {
  const odd = { ...event, messageId: 7, type: null, event: {}, properties: [1], traits: 'x' }
  assert.equal(fieldsOf(json({ ...odd, anonymousId: 5, context: null, sentAt: 'soon' })), {
    ...{ messageId: '', type: 'track', event: '', userId: 'ann', anonymousId: undefined },
    ...{ timestamp: event.timestamp, sentAt: undefined, receivedAt: undefined },
    ...{ properties: {}, traits: {}, context: {}, key: 'ann', state: undefined },
  })
  assert.is(decoded(json({ ...event, userId: 42 })).userId, '42')
})

test('no value, a cut one, Confluent framing and a number are not taken', () => {
  bad(null, 'not_decodable', /no value/)
  bad(Buffer.alloc(0), 'not_decodable', /no value/)
  bad(Buffer.from('{"userId":'), 'not_decodable', /JSON/)
  bad(Buffer.from([0xc1, 0x00]), 'not_decodable', /msgpack/)
  bad(Buffer.from([0, 0, 0, 0, 1, 123]), 'not_decodable', /Confluent framing.*registry/)
  bad(Buffer.from([7]), 'not_an_event', /a number/)
  bad(Buffer.from('[{}]'), 'not_decodable', /msgpack/)
  bad(new Packr().pack([event]), 'not_an_event', /an array/)
  bad(new Packr().pack(null), 'not_an_event', /null/)
})

test('no user, an empty one, one that is no text and one that is too long are not taken', () => {
  for (const userId of [undefined, null, '', {}, true]) bad(json({ ...event, userId }), 'no_user')
  assert.is(decoded(json({ ...event, userId: 'u'.repeat(1_024) })).userId.length, 1_024)
  bad(json({ ...event, userId: 'u'.repeat(1_025) }), 'no_user', /1024/)
})

test('who has no user id is kept by the anonymous one, where it is proper text', () => {
  const anonymous = { ...event, userId: null, anonymousId: 'a1' }
  const { key, userId, anonymousId } = decoded(json(anonymous))
  assert.equal([key, userId, anonymousId], ['a1', '', 'a1'])
  assert.is(decoded(json({ ...anonymous, userId: 'ann' })).key, 'ann')
  bad(json({ ...anonymous, userId: {} }), 'no_user', /userId: .* got a object/)
  bad(json({ ...anonymous, anonymousId: '' }), 'no_user')
  bad(json({ ...anonymous, anonymousId: 'a'.repeat(1_025) }), 'no_user', /anonymousId: .*1025/)
})

test('a rekeyed event has the key that it was sent to, and may carry a state; nobody else may link and merge', () => {
  const merge = { type: 'merge', timestamp: event.timestamp, state: new Uint8Array([1, 2]) }
  const packed = new Packr({ useRecords: false }).pack(merge)
  const { key, userId, type, state } = decodeEvent(packed, appendedAt, 'ann')
  assert.equal([key, userId, type, [...(state ?? [])]], ['ann', '', 'merge', [1, 2]])
  for (const type of ['link', 'merge']) bad(json({ ...event, type }), 'reserved_type')
  assert.is(decoded(new Packr().pack({ ...event, state: new Uint8Array(1) })).state, undefined)
})

test('times are ISO strings, epoch ms or msgpack times, from 2000 on', () => {
  const at = (timestamp: unknown) => decoded(json({ ...event, timestamp })).timestamp
  assert.is(at('2026-11-22T10:00:00.250Z'), Date.UTC(2026, 10, 22, 10, 0, 0, 250))
  assert.is(at('2026-11-22T10:00:00+02:00'), Date.UTC(2026, 10, 22, 8))
  assert.is(at(Date.UTC(2000)), Date.UTC(2000))
  assert.is(at(Date.UTC(2010) + 0.75), Date.UTC(2010))
  const packed = new Packr().pack({ ...event, timestamp: new Date(Date.UTC(2011)) })
  assert.is(decoded(packed).timestamp, Date.UTC(2011))
  for (const timestamp of [undefined, null, '', 'yesterday', {}, [], true, 1e300])
    bad(json({ ...event, timestamp }), 'no_time')
  bad(json({ ...event, timestamp: Date.UTC(2000) - 1 }), 'no_time', /1999-12-31/)
  bad(json({ ...event, timestamp: 1_700_000_000 }), 'no_time', /2000 or later, got 1970/)
})

test('a time more than five minutes after the append time is clamped', () => {
  const at = (timestamp: number) => decoded(json({ ...event, timestamp })).timestamp
  assert.is(at(appendedAt + 5 * minute), appendedAt + 5 * minute)
  assert.is(at(appendedAt + 5 * minute + 1), appendedAt + 5 * minute)
  assert.is(at(appendedAt + 1e10), appendedAt + 5 * minute)
})

test('a value of more than one MiB is not taken, one of exactly that is', () => {
  const frame = json({ ...event, properties: { text: '' } }).length
  const sized = (bytes: number) =>
    json({ ...event, properties: { text: 'x'.repeat(bytes - frame) } })
  assert.is(decoded(sized(eventBytesMax)).userId, 'ann')
  bad(sized(eventBytesMax + 1), 'too_large', /1048577/)
})

test.run()
