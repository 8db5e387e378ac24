import fc from 'fast-check'
import { eventTime, isoOf, timeOf } from '../../collect/event-time.ts'
import { MessageIds } from '../../collect/message-id.ts'
import { assert, suite } from '../harness.ts'

const test = suite('time of an event')
const NOW = Date.parse('2026-11-22T10:00:00.000Z')
const iso = (time: number) => new Date(time).toISOString()
const yearMs = 365 * 24 * 3_600_000

test('however wrong a clock is, an event that it saw some time before sending happened so long before it came', () => {
  const ago = fc.integer({ min: 0, max: 20 * yearMs })
  const skew = fc.integer({ min: -50 * yearMs, max: 50 * yearMs })
  fc.assert(
    fc.property(ago, skew, fc.boolean(), (agoMs, skewMs, asText) => {
      const sentAt = NOW + skewMs
      const said = asText ? iso(sentAt - agoMs) : sentAt - agoMs
      return eventTime(said, asText ? iso(sentAt) : sentAt, NOW, 'timestamp') === NOW - agoMs
    }),
  )
})

test('whatever is sent as times, the answer is a time from 2000 until it came, or a fault that says where', () => {
  const anything = fc.oneof(
    fc.anything(),
    fc.double(),
    fc.date({ noInvalidDate: false }),
    fc.date({ noInvalidDate: true }).map(date => date.toISOString()),
    fc.integer({ min: -9e15, max: 9e15 }),
  )
  fc.assert(
    fc.property(anything, anything, (original, sentAt) => {
      const time = eventTime(original, sentAt, NOW, 'timestamp')
      if (typeof time === 'object') return time.code === 'no_time' && time.path === 'timestamp'
      return Number.isInteger(time) && time >= Date.UTC(2000) && time <= NOW
    }),
  )
})

test('without a time of sending the sender is believed, but nothing happened after it came', () => {
  assert.is(eventTime(NOW - 5, undefined, NOW, ''), NOW - 5)
  assert.is(eventTime(NOW - 5, 'no time', NOW, ''), NOW - 5)
  assert.is(eventTime(NOW + 60_000, null, NOW, ''), NOW)
  assert.is(eventTime(undefined, NOW - 5_000, NOW, ''), NOW)
  assert.is(eventTime(null, undefined, NOW, ''), NOW)
})

test('ISO 8601 is read as it is written, in UTC where it names no zone, and nothing else is a time', () => {
  const times: [string, string][] = [
    ['2026-11-22T09:08:07.123Z', '2026-11-22T09:08:07.123Z'],
    ['2026-11-22T09:08:07.123456Z', '2026-11-22T09:08:07.123Z'],
    ['2026-11-22T09:08:07', '2026-11-22T09:08:07.000Z'],
    ['2026-11-22 09:08:07', '2026-11-22T09:08:07.000Z'],
    ['2026-11-22T09:08', '2026-11-22T09:08:00.000Z'],
    ['2026-11-22', '2026-11-22T00:00:00.000Z'],
    ['2026-11-22T09:08:07+02:00', '2026-11-22T07:08:07.000Z'],
    ['2026-11-22T09:08:07-0230', '2026-11-22T11:38:07.000Z'],
    ['2026-11-22 09:08:07 UTC', '2026-11-22T09:08:07.000Z'],
    ['2026-11-22T09:08:07,5Z', '2026-11-22T09:08:07.500Z'],
  ]
  for (const [text, expected] of times) assert.is(iso(timeOf(text) ?? 0), expected, text)
  for (const text of [
    '',
    '1',
    'a 7',
    '2026',
    '2026-13-01',
    '22.11.2026',
    '2026-11-22T25:00Z',
    'now',
  ])
    assert.is(timeOf(text), undefined, text)
  for (const value of [null, undefined, {}, [], true, Number.NaN, Number.POSITIVE_INFINITY, 9e15])
    assert.is(timeOf(value), undefined)
  assert.is(timeOf(1_700_000_000_000.7), 1_700_000_000_000)
})

test('a time is written in one way, and read, as JavaScript does it', () => {
  const most = Date.UTC(9999, 11, 31)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: most }), fc.anything(), (time, said) => {
      return isoOf(time, said) === iso(time) && isoOf(time, iso(time)) === iso(time)
    }),
    { numRuns: 1_000 },
  )
  for (let day = 0; day < most; day += 86_400_000 * 131) {
    assert.is(isoOf(day, ''), iso(day))
    assert.is(timeOf(iso(day)), day)
  }
  const strange = fc.constantFrom(...'0123456789-T:.Z/+x')
  fc.assert(
    fc.property(fc.nat(23), strange, fc.integer({ min: 0, max: NOW }), (at, character, time) => {
      const text = iso(time).slice(0, at) + character + iso(time).slice(at + 1)
      const read = timeOf(text)
      return read === undefined || read === Date.parse(text)
    }),
    { numRuns: 2_000 },
  )
})

test('a request that is sent again brings the same ids, and one request never the same twice', () => {
  const timestamp = '2026-11-22T09:08:07.123Z'
  const sent = (sentAt: string) => {
    const ids = new MessageIds('shop')
    const events = [
      { timestamp, userId: 'u' },
      { timestamp, userId: 'u' },
      { timestamp, userId: 'v' },
    ]
    return events.map(event => ids.of({ ...event, sentAt }))
  }
  const first = sent('2026-11-22T10:00:00.000Z')
  assert.equal(first, sent('2026-11-22T10:00:09.000Z'))
  assert.is(new Set(first).size, 3)
  assert.ok(first.every(id => id.length <= 64))
  const others = new MessageIds('other').of({ timestamp, userId: 'u' })
  assert.ok(!first.includes(others))
})

test('events that might well have happened twice get an id each', () => {
  for (const timestamp of [undefined, '2026-11-22T09:08:07Z', 1_700_000_000_000, 'no time']) {
    const made = [0, 1].map(() => new MessageIds('shop').of({ timestamp, userId: 'u' }))
    assert.is(new Set(made).size, 2)
  }
})

test.run()
