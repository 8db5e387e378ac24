import fc from 'fast-check'
import { readRow, versionWritten } from '../../serve/read-row.ts'
import { decodeRow, encodeRow, isIntact, parseRow } from '../../serve/row.ts'
import { assert, suite } from '../harness.ts'

const test = suite('reading rows')

/** By way of `JSON.parse` alone. */
function parsed(key: string, value: Buffer): Buffer | string {
  const row = parseRow(key, value, 3)
  return typeof row === 'string' ? row : encodeRow(row)
}

const key = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: 'grapheme', maxLength: 8 }))
const count = mostly(fc.nat(), fc.oneof(fc.maxSafeNat(), fc.constantFrom(-1, 0.5, 1e21)))
const content = fc.record({
  key,
  version: mostly(fc.tuple(count, count), fc.jsonValue()),
  asOf: mostly(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.jsonValue()),
  features: mostly(fc.dictionary(key, fc.jsonValue()), fc.jsonValue()),
  segments: mostly(fc.array(fc.jsonValue()), fc.jsonValue()),
})
/** A byte of the text put in the place of another, or cut out, or the text cut off there. */
const harm = fc.record({
  at: fc.nat(),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[],:"\\ 0-'))),
  how: fc.constantFrom('put', 'cut', 'end', 'insert'),
})

function harmed(
  text: Buffer,
  { at, byte, how }: { at: number; byte: number; how: string },
): Buffer {
  const place = at % text.length
  const [before, after] = [text.subarray(0, place), text.subarray(place)]
  if (how === 'end') return before
  if (how === 'cut') return Buffer.concat([before, after.subarray(1)])
  const rest = how === 'put' ? after.subarray(1) : after
  return Buffer.concat([before, Buffer.of(byte), rest])
}

test('what is checked as it lies there is what is parsed, whatever the row is and however it is damaged', () => {
  let quick = 0
  fc.assert(
    fc.property(content, fc.option(harm, { freq: 1 }), (row, harm) => {
      const whole = Buffer.from(JSON.stringify(row))
      const value = harm === null ? whole : harmed(whole, harm)
      if (versionWritten(row.key, value) !== undefined) quick++
      assert.equal(readRow(row.key, value, 3), parsed(row.key, value), value.toString())
    }),
    { numRuns: 3_000 },
  )
  assert.ok(quick > 300, `only ${quick} rows of 3,000 were as jobs write them`)
})

test('a row as jobs write it is not parsed, and any other is', () => {
  const good =
    '{"key":"anna","version":[7,2],"asOf":1795312800000.5,"features":{"a":[1,{"b":"ü"}],"c":null},"segments":["loyal"]}'
  assert.equal(versionWritten('anna', Buffer.from(good)), [7, 2])
  const row = readRow('anna', Buffer.from(good), 3)
  assert.ok(typeof row !== 'string' && isIntact(row))
  assert.equal(decodeRow(row), { version: [7, 2], partition: 3, json: good })
  for (const [text, other] of [
    ['"anna"', '"bert"'],
    ['"anna"', '"ann\\u0061"'],
    ['"anna"', '"anna","key":"anna"'],
    ['[7,2]', '[07,2]'],
    ['[7,2]', '[-7,2]'],
    ['[7,2]', '[7,2,1]'],
    ['[7,2]', '[7.0,2]'],
    ['[7,2]', '[7,1234567890123456]'],
    ['1795312800000.5', '"now"'],
    ['1795312800000.5', 'null'],
    ['"c":null', '"c":nul'],
    ['["loyal"]}', '["loyal"],"more":1}'],
    ['["loyal"]}', '["loyal"]} '],
    ['["loyal"]}', '["loyal"]'],
    ['["loyal"]', '{}'],
  ] as const)
    assert.is(versionWritten('anna', Buffer.from(good.replace(text, other))), undefined, other)
  assert.is(versionWritten('anna', Buffer.from(good, 'latin1')), undefined, 'not UTF-8')
})

test('a record that is no row is told apart, with the reason', () => {
  const good = { key: 'anna', version: [1, 0], asOf: 5, features: { a: 1 }, segments: [] }
  const read = (value: unknown) => parseRow('anna', Buffer.from(JSON.stringify(value)), 0)
  assert.type(read(good), 'object')
  assert.match(String(parseRow('anna', Buffer.from('{'), 0)), 'not JSON')
  assert.match(String(read([])), 'not a JSON object')
  assert.match(String(read({ ...good, key: 'bert' })), 'not the key of its record')
  assert.match(String(read({ ...good, version: [1] })), 'version')
  assert.match(String(read({ ...good, version: [-1, 0] })), 'version')
  assert.match(String(read({ ...good, asOf: 'now' })), 'asOf')
  assert.match(String(read({ ...good, features: [] })), 'features')
  assert.match(String(read({ ...good, segments: {} })), 'segments')
})

test.run()

function mostly<Most, Few>(most: fc.Arbitrary<Most>, few: fc.Arbitrary<Few>) {
  return fc.oneof({ weight: 15, arbitrary: most }, { weight: 1, arbitrary: few })
}
