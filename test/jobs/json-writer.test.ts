import fc from 'fast-check'
import { JsonWriter } from '../../jobs/json-writer.ts'
import { assert, suite } from '../harness.ts'

const test = suite('json writer')

function written(value: unknown): string {
  const writer = new JsonWriter()
  writer.value(value)
  return writer.text()
}

test('it writes what JSON.stringify does', () => {
  const number = fc.oneof(
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.integer().map(cents => cents / 100),
    fc.integer({ min: 1e12, max: 2e12 }),
    fc.constantFrom(-0, 1e15, 1e15 - 1, 1e21, 2 ** 31, -(2 ** 31), 2 ** 32, 1e7, 123e7),
  )
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'grapheme' }),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map(units => String.fromCharCode(...units)),
  )
  const scalar = fc.oneof(number, text, fc.boolean(), fc.constantFrom(null, undefined))
  const other = fc.oneof(
    fc.date({ noInvalidDate: true }),
    fc.constant({ toJSON: () => ({ other: 1 }) }),
    fc.constant({ a: 1, toJSON: () => undefined, b: 2 }),
    fc.constant(Object.assign([1], { toJSON: () => 'list' })),
    fc.constant({ text: Symbol('s'), does: () => 1, toJSON: 5 }),
    fc.constantFrom(new Map([[1, 2]]), new Uint8Array([1, 2]), Object.create(null), Object(5)),
  )
  const value = fc.letrec(tie => ({
    value: fc.oneof(
      { depthSize: 'small' },
      scalar,
      other,
      fc.array(tie('value')),
      fc.dictionary(fc.oneof(text, fc.constant('__proto__')), tie('value'), {
        noNullPrototype: true,
      }),
    ),
  })).value
  fc.assert(
    fc.property(value, any => assert.is(written(any), JSON.stringify(any) ?? 'null')),
    { numRuns: 2_000 },
  )
})

test('what JSON cannot say throws as there', () => {
  assert.throws(() => written({ large: 5n }), TypeError)
})

test('a buffer that was too small grows', () => {
  const value = Array.from({ length: 3_000 }, (_, index) => ({ index, name: `☂ ${index}` }))
  assert.is(written(value), JSON.stringify(value))
})

test.run()
