import fc from 'fast-check'
import { JSON_DEPTH_MAX, nestsDeeper, parseJson } from '../../http/json.ts'
import { assert, suite } from '../harness.ts'

const test = suite('JSON of strangers')

const deeper = (text: string, most: number) => nestsDeeper(Buffer.from(text), most)

test('a text is as deep as its brackets, and not as those in its strings', () => {
  const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`
  assert.not(deeper(nested(10), 10))
  assert.ok(deeper(nested(12), 10))
  assert.not(deeper(`[${'{},'.repeat(100)}{}]`, 10))
  assert.not(deeper(`["${'['.repeat(100)}"]`, 10))
  assert.not(deeper(`["\\"${'['.repeat(100)}\\\\"]`, 10))
  assert.ok(deeper(`["\\\\",${'['.repeat(100)}`, 10))
  assert.not(deeper(`["${'é['.repeat(100)}`, 10))
})

test('it is as deep as what is parsed of it', () => {
  const value = fc.jsonValue({ maxDepth: 12, depthSize: 'max' })
  fc.assert(
    fc.property(value, fc.integer({ min: 1, max: 8 }), (parsed, most) => {
      const text = JSON.stringify(parsed, null, 2)
      assert.is(deeper(text, most), levels(parsed) > most, text)
    }),
    { numRuns: 500 },
  )
})

test('what it lets through does not overflow the stack of JSON.stringify', () => {
  const text = `${'{"a":'.repeat(JSON_DEPTH_MAX)}1${'}'.repeat(JSON_DEPTH_MAX)}`
  assert.not(nestsDeeper(Buffer.from(text)))
  assert.is(JSON.stringify(JSON.parse(text)), text)
  assert.ok(nestsDeeper(Buffer.from(`[${text}]`)))
})

test('keys that would change what all objects have are left out, however they are spelt', () => {
  const parse = (text: string) => parseJson(Buffer.from(text))
  assert.equal(parse('{"a":1,"__proto__":{"x":1}}'), { a: 1 })
  assert.equal(parse('{"\\u005f_proto__":{"x":1},"b":[{"constructor":{"prototype":{"x":1}}}]}'), {
    b: [{}],
  })
  assert.equal(parse('{"constructor":"text"}'), { constructor: 'text' })
  for (const text of [
    '',
    '{',
    '[1,]',
    '['.repeat(5_000),
    `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  ])
    assert.throws(
      () => parse(text),
      (error: Error) => error instanceof SyntaxError,
    )
})

test.run()

function levels(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(levels))
}
