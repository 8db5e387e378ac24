import fc from 'fast-check'
import { FlatObjects } from '../../runtime/flat-objects.ts'
import { assert, suite } from '../harness.ts'

const test = suite('flat-objects')

/** Reads an object from the midst of others, when one like it was read before. */
function readLike(before: string, text: string): Record<string, unknown> | undefined {
  const flat = new FlatObjects()
  const bytes = Buffer.from(`7${before}${text}7`)
  const start = 1 + Buffer.byteLength(before)
  assert.equal(flat.learn(bytes, 1, start), JSON.parse(before))
  return flat.read(bytes, start, bytes.length - 1)
}

const plain = fc
  .string({ unit: 'binary-ascii', maxLength: 20 })
  .map(text => text.replace(/["\\]|[^ -\x7f]/g, '_'))
const decimal = fc.oneof(
  fc
    .tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.nat(99_999_999))
    .map(([a, b]) => `${a}.${b}`),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(each => JSON.stringify(each)),
)
const scalar = fc.oneof(
  plain.map(text => JSON.stringify(text)),
  decimal,
  fc.constantFrom(
    'true',
    'false',
    'null',
    '0',
    '-0',
    '0.0',
    '1e3',
    '99999999999999.9',
    '0.000000000001',
  ),
)
const nested = fc.constantFrom('{}', '[]', '[1]', '{"a":1}')
const names = fc.uniqueArray(fc.oneof(plain, fc.constantFrom('a', 'price', '7', '__proto__')), {
  maxLength: 6,
})

function textOf(names: readonly string[], values: readonly string[]): string {
  return `{${names.map((name, index) => `${JSON.stringify(name)}:${values[index]}`).join(',')}}`
}

test('gives what JSON.parse gives, with the names in the same order', () => {
  const six = (value: fc.Arbitrary<string>) => fc.array(value, { minLength: 6, maxLength: 6 })
  let taken = 0
  const one = fc.property(names, six(scalar), six(scalar), (names, before, after) => {
    const text = textOf(names, after)
    const found = readLike(textOf(names, before), text)
    if (found === undefined) return
    taken++
    assert.is(JSON.stringify(found), JSON.stringify(JSON.parse(text)))
    for (const [name, value] of Object.entries(JSON.parse(text)))
      assert.ok(Object.is(found[name], value), `${name} of ${text}`)
  })
  fc.assert(one, { numRuns: 500 })
  assert.ok(taken > 100, `only ${taken} were read so`)
})

test('leaves other names, other orders and nested values to JSON.parse', () => {
  const like = '{"a":1,"b":"x"}'
  assert.equal(readLike(like, '{"a":-2.50,"b":null}'), { a: -2.5, b: null })
  for (const other of ['{"b":1,"a":2}', '{"a":1}', '{"a":1,"b":2,"c":3}', '{"a":1,"c":2}', '{}'])
    assert.is(readLike(like, other), undefined, other)
  fc.assert(
    fc.property(nested, value => assert.is(readLike(like, `{"a":${value},"b":1}`), undefined)),
  )
  for (const odd of ['{"a":1,"a":2}', '{"2":1,"1":2}', '{"__proto__":1}', '{"a":[1]}'])
    assert.is(readLike(odd, odd), undefined, odd)
})

test('leaves other white space to JSON.parse, wherever it stands', () => {
  const space = fc.constantFrom('', ' ', '\n\t')
  const spaced = fc
    .tuple(fc.array(space, { minLength: 8, maxLength: 8 }), scalar, scalar)
    .map(([[a, b, c, d, e, f, g, h], one, two]) => {
      const first = `${a}"a"${b}:${c}${one}${d}`
      return `{${first},${e}"b"${f}:${g}${two}${h}}`
    })
  fc.assert(
    fc.property(spaced, spaced, (before, text) => {
      const found = readLike(before, text)
      if (found !== undefined) assert.equal(found, JSON.parse(text))
    }),
    { numRuns: 300 },
  )
  assert.is(readLike('{"a":1}', '{"a": 1}'), undefined)
})

test('remembers a bounded number of shapes, the newest of them', () => {
  const flat = new FlatObjects()
  const texts = Array.from({ length: 40 }, (_, index) => `{"n${index}":1}`)
  const read = (text: string) => flat.read(Buffer.from(text), 0, text.length)
  for (const text of texts)
    while (read(text) === undefined) flat.learn(Buffer.from(text), 0, text.length)
  assert.is(texts.filter(text => read(text) !== undefined).length, 16)
  assert.equal(read('{"n39":5}'), { n39: 5 })
})

test.run()
