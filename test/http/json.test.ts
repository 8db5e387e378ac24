import fc from 'fast-check'
import secureJson from 'secure-json-parse'
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

test('whatever its keys and their spelling, it reads as the careful parser alone reads it', () => {
  const names = ['__proto__', 'constructor', 'prototype', 'a', 'é', '\u2028']
  const key = fc.tuple(fc.constantFrom(...names), fc.boolean()).map(([name, escaped]) => {
    if (!escaped) return JSON.stringify(name)
    const hex = (letter: string) => letter.charCodeAt(0).toString(16).padStart(4, '0')
    return `"${name.replace(/[_ctp]/, letter => `\\u${hex(letter)}`)}"`
  })
  const { value } = fc.letrec<{ value: string }>(tie => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.jsonValue({ maxDepth: 1 }).map(each => JSON.stringify(each)),
      fc
        .array(fc.tuple(key, tie('value')), { maxLength: 4 })
        .map(pairs => `{${pairs.map(([name, each]) => `${name} : ${each}`).join()}}`),
      fc.array(tie('value'), { maxLength: 3 }).map(items => `[${items.join()}]`),
    ),
  }))
  fc.assert(
    fc.property(value, fc.constantFrom('', '\ufeff', ' '), (text, before) => {
      const removing = { protoAction: 'remove', constructorAction: 'remove' } as const
      const careful = secureJson.parse(before + text, undefined, removing)
      assert.equal(entriesOf(parseJson(Buffer.from(before + text))), entriesOf(careful))
    }),
    { numRuns: 500 },
  )
})

test.run()

/** With keys such as `__proto__`, which an equality of objects may not see. */
function entriesOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Reflect.ownKeys(value).map(key => [key, entriesOf(Reflect.get(value, key))])
}

function levels(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(levels))
}
