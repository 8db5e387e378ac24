import fc from 'fast-check'
import { NOW } from './door-world.ts'
import { names, objectOf, value, wrong } from './json-texts.ts'

const times = fc.constantFrom(
  ...[-7_200_000, -1, 0, 1, 60_000].map(ms => JSON.stringify(new Date(NOW + ms).toISOString())),
  ...[
    '"2026-11-22"',
    '"2026-02-30T00:00:00.000Z"',
    '"1999-12-31T23:59:59.999Z"',
    '""',
    'null',
    '1',
    `${NOW}`,
  ],
)
const oddIds = fc.constantFrom(
  '"u"',
  '"u"',
  '"v"',
  '""',
  'null',
  '7',
  '"é"',
  '"\\u0061"',
  '"\\/"',
  '" "',
  '"\ufffd"',
)
const ids = fc.oneof(
  { weight: 12, arbitrary: fc.constant('"v"') },
  { weight: 1, arbitrary: oddIds },
)
const ip = fc.constantFrom('"192.0.2.7"', 'null', '""', '{}', '0')
const library = fc.constantFrom(
  ...[
    '{"name":"analytics-go"}',
    '{"name" :"analytics-go", "version":"1"}',
    '{"name":"web"}',
    'null',
    '"analytics-go"',
  ],
  ...[
    '{"name":"web","name":"analytics-go"}',
    '{"name":"analytics\\u002dgo"}',
    '{"name":"analytics-\\/go"}',
    '[]',
  ],
)
const field = (name: string, value: fc.Arbitrary<string>) =>
  fc.tuple(fc.constant(`"${name}"`), value)
const context = objectOf(
  fc.array(
    fc.oneof(
      field('ip', ip),
      field('userAgent', ip),
      field('library', library),
      fc.tuple(names, value),
    ),
    { maxLength: 5 },
  ),
)
const properties = objectOf(fc.array(fc.tuple(names, value), { maxLength: 6 }))
const types = fc.constantFrom(
  '"track"',
  '"page"',
  '"screen"',
  '"identify"',
  '"group"',
  '"alias"',
  '"t\\u0072ack"',
)
/** Nearly all of it is packed. */
const usual = fc.oneof(
  ...[field('timestamp', times), field('originalTimestamp', times), field('sentAt', times)],
  ...[field('anonymousId', ids), field('groupId', ids), field('integrations', value)],
  ...[field('properties', properties), field('traits', properties), field('context', context)],
)
/** Said twice, of another type, of another way to write it, or what only some events have. */
const odd = fc.oneof(
  ...[field('userId', ids), field('messageId', ids), field('type', types), field('event', ids)],
  ...[field('previousId', ids), field('receivedAt', times), field('writeKey', ids)],
  ...[field('properties', value), field('traits', value), field('context', value)],
  ...[field('us\\u0065rId', ids), fc.tuple(names, value), fc.tuple(names, wrong)],
)
const fields = fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd })
const start: [string, string][] = [
  ...[['"type"', '"track"'] as [string, string], ['"event"', '"Seen"'] as [string, string]],
  ...[['"userId"', '"u"'] as [string, string], ['"messageId"', '"m"'] as [string, string]],
]
/** Most have what an event needs; those that are given one of these too have it twice. */
export const events = fc
  .tuple(
    fc.constantFrom(...Array.from({ length: 8 }, () => start), start.slice(1), []),
    fc.uniqueArray(fields, {
      maxLength: 5,
      selector: ([name, value]) => name + (value.length % 8 === 0),
    }),
  )
  .chain(([start, more]) => objectOf(fc.constant([...start, ...more])))
/** What is said after the events. */
export const tail = fc.oneof(
  ...[
    fc.constant(''),
    times.map(time => `,"sentAt":${time}`),
    times.map(time => `,"s\\u0065ntAt":${time}`),
  ],
  fc.constantFrom(
    ',"sentAt":"\\ud800"',
    ',"batch":[]',
    ',"writeKey":"dev"',
    ',"__proto__":{"batch":1}',
  ),
  fc.constantFrom(',"sentAt":"]"', ',"sentAt":"[]"', ',"sentAt":1,"sentAt":"2026-11-22"'),
)
