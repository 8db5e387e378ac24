import { JobError } from '../../jobs/job.ts'
import { compileSchemas, type Schemas } from '../../jobs/schemas.ts'
import { assert, suite } from '../harness.ts'
import { eventOf } from './events.ts'

const test = suite('schemas')

const fail = (problem: string, remedy: string): never => {
  throw new JobError('bad_definition', `${problem}; ${remedy}`)
}
const compile = (schemas: Schemas) => compileSchemas(schemas, fail)

const compiled = new Map<Schemas[string], ReturnType<typeof compile>>()

/** The reason for which an event with these properties is not taken; `undefined`: it is. */
function reason(schema: Schemas[string], properties: Record<string, unknown>): string | undefined {
  const check = compiled.get(schema) ?? compile({ Bought: schema })
  compiled.set(schema, check)
  try {
    check(eventOf({ event: 'Bought', properties }))
    return undefined
  } catch (error) {
    if (!(error instanceof JobError) || error.code !== 'schema_failed') throw error
    return error.message
  }
}

const order = {
  type: 'object',
  required: ['order_id', 'products'],
  properties: {
    order_id: { type: 'string', minLength: 1 },
    email: { type: 'string', format: 'email' },
    at: { type: 'string', format: 'date-time' },
    currency: { enum: ['EUR', 'USD'] },
    'a/b~c': { type: 'number' },
    products: { type: 'array', items: { $ref: '#/$defs/line' } },
    gifts: { type: 'object', additionalProperties: { type: 'number' } },
  },
  $defs: {
    line: {
      type: 'object',
      required: ['price'],
      properties: { price: { type: 'number', minimum: 0 } },
    },
  },
}

const whole = { order_id: 'o1', products: [{ price: 1 }, { price: 2 }] }

test('an event that fits its schema is taken, and one without a schema too', () => {
  assert.is(reason(order, { ...whole, email: 'a@b.de', at: '2026-11-22T10:00:00Z' }), undefined)
  const check = compile({ Bought: order })
  check(eventOf({ event: 'Product Viewed' }))
  check(eventOf({ event: 'constructor' }))
  check(eventOf({ type: 'page', event: 'Bought' }))
})

test('what does not fit is told by its path and what was expected', () => {
  const expected: [Record<string, unknown>, RegExp][] = [
    [{ products: [] }, /^"Bought": properties must have required property 'order_id'$/],
    [{ ...whole, order_id: 7 }, /properties\/order_id must be string, is number$/],
    [{ ...whole, products: [{ price: 1 }, {}] }, /properties\/products\/1 must have .*'price'$/],
    [
      { ...whole, products: [{ price: '9' }] },
      /properties\/products\/0\/price must be number, is string$/,
    ],
    [{ ...whole, products: [{ price: -1 }] }, /\/products\/0\/price must be >= 0$/],
    [{ ...whole, products: null }, /\/products must be array, is null$/],
    [{ ...whole, currency: 'GBP' }, /\/currency must be one of \["EUR","USD"\]$/],
    [{ ...whole, at: '2026-02-30T10:00:00Z' }, /\/at must match format "date-time"$/],
    [{ ...whole, 'a/b~c': 'x' }, /properties\/a~1b~0c must be number, is string$/],
  ]
  for (const [properties, message] of expected)
    assert.match(reason(order, properties) ?? '', message)
})

test('a reason holds no value, and no name that the schema does not know', () => {
  const secret = 'ada@example.com'
  const strict = { ...order, additionalProperties: false, propertyNames: { maxLength: 15 } }
  const found = [
    reason(order, { ...whole, email: `${secret} ` }),
    reason(order, { ...whole, gifts: { [secret]: 'x' } }),
    reason(order, { ...whole, order_id: [secret] }),
    reason(order, { ...whole, currency: secret }),
    reason(strict, { ...whole, [secret]: 1 }),
    reason(strict, { ...whole, [`${secret}, and more`]: 1 }),
    reason({ properties: { products: { const: secret.length } } }, { products: secret }),
  ]
  assert.match(found[1] ?? '', /properties\/gifts\/\* must be number, is string$/)
  for (const each of found) {
    assert.type(each, 'string')
    assert.not.match(each ?? '', /ada|example/)
  }
})

test('drafts 2020-12 and 07 are told apart by $schema; without one it is 2020-12', () => {
  const tuple = { properties: { pair: { prefixItems: [{ type: 'number' }] } } }
  const d07 = 'http://json-schema.org/draft-07/schema#'
  assert.match(reason(tuple, { pair: ['x'] }) ?? '', /pair\/0 must be number/)
  const d2020 = 'https://json-schema.org/draft/2020-12/schema'
  assert.match(reason({ $schema: d2020, ...tuple }, { pair: ['x'] }) ?? '', /pair\/0/)
  const old = { $schema: d07, properties: { pair: { items: [{ type: 'number' }] } } }
  assert.match(reason(old, { pair: ['x'] }) ?? '', /pair\/0 must be number/)
  assert.throws(() => compile({ Bought: { $schema: d07, ...tuple } }), /prefixItems/)
  const d04 = 'http://json-schema.org/draft-04/schema#'
  assert.throws(() => compile({ Bought: { $schema: d04 } }), /2020-12, 2019-09 and 07 are read/)
})

test('identify and group are checked by their traits, page and screen by their properties', () => {
  const check = compile({
    identify: { required: ['email'] },
    page: { required: ['path'] },
  })
  check(eventOf({ type: 'identify', event: '', traits: { email: 'x' } }))
  check(eventOf({ type: 'page', event: '', properties: { path: '/' } }))
  assert.throws(
    () => check(eventOf({ type: 'identify', event: '', properties: { email: 'x' } })),
    /"identify": traits must have required property 'email'/,
  )
  assert.throws(() => check(eventOf({ type: 'page', event: '' })), /"page": properties must have/)
  // A track event may be named like a type.
  assert.throws(() => check(eventOf({ event: 'identify', traits: { email: 'x' } })), /properties/)
})

test('a schema that cannot be used fails the definition, with its name', () => {
  const wrong: [unknown, RegExp][] = [
    [{ type: 'strin' }, /type/],
    [{ requird: ['a'] }, /unknown keyword: "requird"/],
    [{ properties: { a: { format: 'e-mail' } } }, /unknown format "e-mail"/],
    [{ $ref: 'https://example.com/order.json' }, /can't resolve reference https:\/\/example\.com/],
    [{ pattern: '(' }, /./],
    [{ description: 'x'.repeat(300_000) }, /characters, and may have 262144/],
    ['{}', /it is no object/],
    [[{}], /it is no object/],
    [null, /it is no object/],
  ]
  for (const [schema, message] of wrong)
    assert.throws(
      () => compile({ 'Order Completed': schema } as Schemas),
      (error: Error) =>
        /the schema of "Order Completed"/.test(error.message) && message.test(error.message),
      String(JSON.stringify(schema)).slice(0, 80),
    )
})

test('a value that is nested without end does not end the thread', () => {
  const list = {
    $defs: { l: { type: 'array', items: { $ref: '#/$defs/l' } } },
    properties: { l: { $ref: '#/$defs/l' } },
  }
  const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))
  assert.match(reason(list, { l: deep }) ?? '', /must not be nested so deeply/)
})

test('a text of a million characters is checked in time', () => {
  const url = { properties: { link: { type: 'string', format: 'url' } } }
  assert.match(reason(url, { link: `http://${':'.repeat(1_000_000)}` }) ?? '', /format "url"/)
  assert.is(reason(url, { link: 'https://example.com/a?b' }), undefined)
})

test.run()
