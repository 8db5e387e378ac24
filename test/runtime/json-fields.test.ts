import fc from 'fast-check'
import { JsonFields } from '../../runtime/json-fields.ts'
import { RawEvent } from '../../runtime/raw-event.ts'
import { assert, suite } from '../harness.ts'

const test = suite('json-fields')
const fields = new JsonFields()
const scalars = ['messageId', 'type', 'event', 'userId', 'anonymousId', 'previousId'] as const
const times = ['timestamp', 'sentAt', 'receivedAt'] as const
const parts = ['properties', 'traits', 'context'] as const
const names = [...scalars, ...times, ...parts]

/** Compares what is read with `JSON.parse`, at first and when the shape is known; answers whether it was read. */
function compare(bytes: Buffer): boolean {
  const [first, again] = [compareOnce(bytes), compareOnce(bytes)]
  assert.is(again, first)
  return again
}

function compareOnce(bytes: Buffer): boolean {
  const raw = new RawEvent()
  // Other bytes before and behind, as in a batch of records.
  const around = Buffer.concat([Buffer.from('"}'), bytes, Buffer.from('}"]')])
  const read = fields.read(around, 2, 2 + bytes.length, raw)
  let parsed: unknown
  try {
    parsed = JSON.parse(bytes.toString())
  } catch {
    assert.not.ok(read, `was read, and is no JSON: ${bytes}`)
    return false
  }
  if (!read) return false
  const wanted = parsed as Record<string, unknown>
  for (const name of scalars) assert.equal(raw[name], wanted[name], `${name} of ${bytes}`)
  for (const name of times) assert.equal(ms(raw[name]), ms(wanted[name]), `${name} of ${bytes}`)
  for (const name of parts) {
    const own = wanted[name]
    const isObject = typeof own === 'object' && own !== null && !Array.isArray(own)
    assert.equal(JSON.stringify(raw.parts[name]), JSON.stringify(isObject ? own : {}), `${bytes}`)
  }
  return true
}

const ms = (time: unknown) => (typeof time === 'string' ? Date.parse(time) : time)
const objects = (text: string) => Buffer.from(text)

const value = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' })
const time = fc.oneof(
  fc.date({ noInvalidDate: true }).map(date => date.toISOString()),
  fc.integer(),
  value,
)
const member = fc.oneof(
  fc.tuple(fc.constantFrom(...scalars), fc.oneof(fc.string({ unit: 'binary' }), value)),
  fc.tuple(fc.constantFrom(...times), time),
  fc.tuple(fc.constantFrom(...parts), fc.dictionary(fc.string({ unit: 'binary' }), value)),
  fc.tuple(fc.oneof(fc.constant('__proto__'), fc.string()), value),
)
/** Text of an object whose names may come twice, with white space here and there. */
const text = fc
  .tuple(fc.array(member, { maxLength: 12 }), fc.constantFrom('', ' ', '\n\t', '\r\n  '))
  .map(([members, space]) => {
    const lines = members.map(
      ([name, each]) =>
        `${space}${JSON.stringify(name)}${space}:${space}${JSON.stringify(each, null, space)}`,
    )
    return `{${lines.join(`${space},`)}${space}}${space}`
  })

test('reads the fields as JSON.parse does, whatever the names and values', () => {
  let taken = 0
  let all = 0
  fc.assert(
    fc.property(text, each => {
      all++
      if (compare(Buffer.from(each))) taken++
    }),
    { numRuns: 150 },
  )
  assert.ok(taken > all * 0.8, `${taken} of ${all}: the others were left to JSON.parse`)
})

test('takes nothing that JSON.parse does not, and reads what is left the same', () => {
  const odd = fc.constantFrom(...'"\\{}[]:,0-.eEu+ \n\t\0/x'.split(''), '\u00e9', 'null', 'tru')
  const change = fc.record({ at: fc.nat(), remove: fc.nat(3), put: fc.oneof(odd, fc.constant('')) })
  fc.assert(
    fc.property(text, fc.array(change, { minLength: 1, maxLength: 3 }), (each, changes) => {
      let bytes = Buffer.from(each)
      compare(bytes) // so that its shape is known
      for (const { at, remove, put } of changes) {
        const from = 1 + (at % bytes.length)
        bytes = Buffer.concat([
          bytes.subarray(0, from),
          Buffer.from(put),
          bytes.subarray(from + remove),
        ])
      }
      compare(bytes)
    }),
    { numRuns: 400 },
  )
})

test('events of one shape are read alike, whatever stands in the place of their values', () => {
  const any = fc.oneof(value, time).map(each => JSON.stringify(each))
  fc.assert(
    fc.property(fc.array(any, { minLength: 8, maxLength: 8 }), ([a, b, c, d, e, f, g, h]) => {
      compare(
        objects(
          `{"userId":${a}, "x":{"y":${b}},"properties":{"a":${c},"\u00e9":{"c":${d}}},"traits":${e},"context":{"ip":${f}},"timestamp":${g},"type":${h}}`,
        ),
      )
    }),
    { numRuns: 300 },
  )
})

test('events with the same names are read alike, however their producers space them', () => {
  const each = fc.oneof(fc.integer(), fc.boolean(), fc.constantFrom('x', 'yy', null, 0.5, {}))
  const part = fc.dictionary(fc.constantFrom('a', 'b', 'id'), each, { noNullPrototype: true })
  const event = fc.record({
    userId: fc.constant('u'),
    properties: part,
    traits: part,
    context: part,
  })
  const spaces = fc.constantFrom(['', ''], ['', ' '], [' ', ''], ['', '\n'])
  fc.assert(
    fc.property(event, spaces, (one, [before, behind]) => {
      const spaced = JSON.stringify(one).replaceAll(/[:,]/g, mark => `${before}${mark}${behind}`)
      assert.ok(compare(objects(spaced)))
    }),
    { numRuns: 120 },
  )
})

test('names that are not of ASCII are read as such, also those of a shape', () => {
  assert.ok(compare(objects('{"properties":{"\u00e9":"a"},"traits":{"a":{"\u20ac":1}}}')))
})

test('an event with a great many members is read like others, time and again', () => {
  const many = Array.from({ length: 600 }, (_, index) => `"n${index}":{"x":${index}}`).join()
  for (const name of ['properties', 'more'])
    assert.ok(compare(objects(`{"type":"a","${name}":{${many}},"userId":"u"}`)))
})

test('bytes that are no UTF-8 become what Buffer makes of them', () => {
  const frame = Buffer.from('{"userId":"__","properties":{"a__":"__"},"x":"__"}')
  const spots = [...frame.keys()].filter(at => frame[at] === 0x5f)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), bytes => {
      const changed = Buffer.from(frame)
      for (const [index, at] of spots.entries()) changed[at] = bytes[index] ?? 0
      compare(changed)
    }),
    { numRuns: 300 },
  )
})

test('numbers, literals, escapes and white space are those of JSON, and nothing else', () => {
  const good = [
    '0',
    '-0',
    '1.5',
    '-12.25e+3',
    '1E9',
    '1e400',
    '12345678901234567890',
    'true',
    'null',
  ]
  const bad = [
    '01',
    '.5',
    '1.',
    '1e',
    '+1',
    '-',
    '--1',
    '0x1',
    '1e+',
    'True',
    'nul',
    'nulll',
    'NaN',
    '',
  ]
  const texts = ['"\\u00e9"', '"\\ud800"', '"\\/\\b"', '"\x7f"', '[]', '[ ]', '{ }', '[1 , 2]']
  const badTexts = [
    '"\\x"',
    '"\\u12g4"',
    '"\n"',
    '"\t"',
    "'a'",
    '"',
    '[1,]',
    '[,]',
    '{"a"}',
    '{"a":}',
    '{a:1}',
    '[1 2]',
    ']',
    '\u00a01',
  ]
  for (const each of [...good, ...texts])
    for (const name of names) {
      assert.ok(compare(objects(`{"${name}":${each}}`)), each)
      assert.ok(compare(objects(`{"x":{"y":[${each}]}}`)), each)
    }
  for (const each of [...bad, ...badTexts]) {
    assert.not.ok(compare(objects(`{"type":${each}}`)), each)
    assert.not.ok(compare(objects(`{"x":[{"y":${each}}]}`)), each)
  }
  for (const each of [
    '{}',
    '{} ',
    ' {}',
    '{,}',
    '{}{}',
    '{"a":1,}',
    '{"a":1}x',
    '{',
    '{"a":1',
    '{"a"',
  ])
    assert.is(compare(objects(each)), /^\{\} *$/.test(each), each)
})

test('an escaped name is left to JSON.parse, as it may be one of ours', () => {
  assert.not.ok(compare(objects('{"user\\u0049d":"a"}')))
  assert.ok(compare(objects('{"x":{"user\\u0049d":"a"}}')))
})

test('what is deeper than its bits is left to JSON.parse', () => {
  const deep = (levels: number) => objects(`{"x":${'['.repeat(levels)}${']'.repeat(levels)}}`)
  assert.ok(compare(deep(30)))
  assert.not.ok(compare(deep(31)))
  assert.not.ok(compare(deep(10_000)))
})

test.run()
