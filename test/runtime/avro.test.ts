import avsc from 'avsc'
import { BadAvro, readAvro } from '../../runtime/avro-reader.ts'
import { BadAvroSchema, parseAvroSchema } from '../../runtime/avro-schema.ts'
import { assert, suite } from '../harness.ts'

const test = suite('avro')

type AvscSchema = Parameters<typeof avsc.Type.forSchema>[0]

/** What avsc writes, read by ours. */
const reread = (schema: AvscSchema, value: unknown) =>
  readAvro(parseAvroSchema(schema), avsc.Type.forSchema(schema).toBuffer(value))
const read = (schema: unknown, ...bytes: number[]) =>
  readAvro(parseAvroSchema(schema), Buffer.from(bytes))

const order: AvscSchema = {
  type: 'record',
  name: 'Order',
  namespace: 'shop.events',
  fields: [
    { name: 'userId', type: 'string' },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'coupon', type: ['null', 'string'], default: null },
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['NEW', 'REPEAT'] } },
    {
      name: 'lines',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Line',
          fields: [
            { name: 'sku', type: 'string' },
            { name: 'price', type: 'double' },
            { name: 'kind', type: 'Kind' },
          ],
        },
      },
    },
    { name: 'tags', type: { type: 'map', values: 'int' } },
    { name: 'gift', type: 'boolean' },
    { name: 'weight', type: 'float' },
    { name: 'hash', type: { type: 'fixed', name: 'Md5', size: 16 } },
    { name: 'raw', type: 'bytes' },
    { name: 'nothing', type: 'null' },
    { name: 'either', type: ['int', 'string', 'shop.events.Line'] },
    { name: 'next', type: ['null', 'Order'] },
  ],
}

test('random values that avsc writes are read as avsc reads them', () => {
  const type = avsc.Type.forSchema(order)
  const parsed = parseAvroSchema(order)
  for (let i = 0; i < 300; i++) {
    const bytes = type.toBuffer(type.random())
    assert.equal(readAvro(parsed, bytes), asJson(type.fromBuffer(bytes)))
  }
})

/** Buffers as base64, records as plain objects. */
function asJson(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (Array.isArray(value)) return value.map(asJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, asJson(inner)]))
}

test('whole numbers of every size come through, beyond 2^53 as text', () => {
  for (const value of [
    0,
    -1,
    63,
    64,
    -65,
    2 ** 27 - 1,
    2 ** 27,
    -(2 ** 27) - 1,
    2 ** 31,
    -(2 ** 40),
  ])
    assert.is(reread('long', value), value)
  assert.is(reread('long', Number.MAX_SAFE_INTEGER - 1), Number.MAX_SAFE_INTEGER - 1)
  const max = [0xfe, ...Array(8).fill(0xff), 0x01]
  const min = [0xff, ...Array(8).fill(0xff), 0x01]
  assert.is(read('long', ...max), '9223372036854775807')
  assert.is(read('long', ...min), '-9223372036854775808')
})

test('times become epoch ms, dates and decimals what JSON would say', () => {
  const ms = Date.UTC(2026, 10, 22, 10, 0, 0, 123)
  const long = (logicalType: string, value: number) =>
    reread({ type: 'long', logicalType } as AvscSchema, value)
  assert.is(long('timestamp-millis', ms), ms)
  assert.is(long('local-timestamp-millis', ms), ms)
  assert.is(long('timestamp-micros', ms * 1000 + 999), ms)
  assert.is(long('time-micros', 77), 77)
  assert.is(reread({ type: 'int', logicalType: 'date' } as AvscSchema, 20_779), '2026-11-22')
  assert.is(reread({ type: 'int', logicalType: 'date' } as AvscSchema, -1), '1969-12-31')
  const nanos = { type: 'long', logicalType: 'timestamp-nanos' }
  const written = avsc.Type.forSchema({ type: 'long' }).toBuffer(1_500_000_999)
  assert.is(readAvro(parseAvroSchema(nanos), written), 1_500)
  const money = { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 }
  assert.is(read(money, 4, 0x04, 0xd2), 12.34)
  assert.is(read(money, 2, 0xff), -0.01)
  assert.is(read(money, 0), 0)
  const fixed = {
    type: 'fixed',
    name: 'Money',
    size: 3,
    logicalType: 'decimal',
    precision: 6,
    scale: 1,
  }
  assert.is(read(fixed, 0xff, 0xff, 0x9c), -10)
  assert.is(read({ ...money, scale: 0 }, 18, 0, ...Array(8).fill(0xff)), 2 ** 64)
})

test('blocks of a negative count say their bytes too', () => {
  assert.equal(read({ type: 'array', items: 'int' }, 3, 4, 2, 4, 2, 6, 0), [1, 2, 3])
})

test('a key named __proto__ is only a key', () => {
  const value = read({ type: 'map', values: 'int' }, 2, 18, ...Buffer.from('__proto__'), 2, 0)
  assert.equal(Object.keys(value as object), ['__proto__'])
  assert.is(Object.getPrototypeOf(value), Object.prototype)
})

test('bytes that are not what the schema says are refused, wherever they are cut or changed', () => {
  const type = avsc.Type.forSchema(order)
  const parsed = parseAvroSchema(order)
  const whole = type.toBuffer(type.random())
  for (let length = 0; length < whole.length; length++)
    assert.throws(() => readAvro(parsed, whole.subarray(0, length)), isBad)
  assert.throws(() => readAvro(parsed, Buffer.concat([whole, Buffer.of(0)])), /1 bytes follow/)
  for (let i = 0; i < 3_000; i++) {
    const changed = Buffer.from(whole)
    changed[(i * 7) % whole.length] = (i * 31) & 0xff
    try {
      readAvro(parsed, changed)
    } catch (error) {
      assert.ok(isBad(error as Error), String((error as Error).stack))
    }
  }
})

const isBad = (error: Error) => error instanceof BadAvro

test('a few bytes cannot fill the memory, nor the stack', () => {
  const aBillion = [0x80, 0xa8, 0xd6, 0xb9, 0x07]
  for (const items of [
    'null',
    { type: 'record', name: 'Empty', fields: [] },
    { type: 'fixed', name: 'F', size: 0 },
  ])
    assert.throws(() => read({ type: 'array', items }, ...aBillion, 0), /more than 1000000 parts/)
  assert.throws(() => read({ type: 'array', items: 'int' }, ...aBillion, 2), /it ends at byte 6/)
  assert.throws(() => read('string', ...aBillion, 65), /it ends/)
  assert.throws(() => read('string', 1), /a size of -1/)
  assert.throws(() => read('long', ...Array(11).fill(0xff)), /more than ten bytes/)
  const list = { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] }
  assert.throws(() => read(list, ...Array(100_000).fill(2)), /nested more than 200/)
})

test('names are found in their namespaces, and in schemas that this one refers to', () => {
  const line = {
    type: 'record',
    name: 'Line',
    namespace: 'shop',
    fields: [{ name: 'n', type: 'int' }],
  }
  const uses = (type: string, namespace = 'shop') => ({
    type: 'record',
    name: 'Order',
    namespace,
    fields: [{ name: 'line', type }],
  })
  for (const schema of [uses('Line'), uses('shop.Line'), uses('shop.Line', 'other')])
    assert.equal(readAvro(parseAvroSchema(schema, [line]), Buffer.of(2)), { line: { n: 1 } })
  assert.throws(
    () => parseAvroSchema(uses('Line', 'other'), [line]),
    /"Line" that it does not define/,
  )
})

test('a schema that cannot be used says why', () => {
  const wrong: [unknown, RegExp][] = [
    [{}, /expected a type/],
    ['strin', /"strin" that it does not define/],
    [{ type: 'array' }, /expected a type/],
    [{ type: 'fixed', name: 'F', size: -1 }, /-1 as its size/],
    [{ type: 'enum', name: 'E', symbols: 'A' }, /its symbols are "A"/],
    [{ type: 'record', name: 'R' }, /its fields are undefined/],
    [{ type: 'record', name: 'R', fields: [{ name: '__proto__', type: 'int' }] }, /__proto__/],
    [{ type: 'record', name: '1', fields: [] }, /type named "1"/],
    [['int', { type: 'enum', name: 'int.', symbols: [] }], /type named "int\."/],
    [Array(2).fill({ type: 'fixed', name: 'F', size: 1 }), /defines F twice/],
    [Array(10_001).fill('int'), /more than 10000 types/],
    [JSON.parse(`${'{"type":'.repeat(200)}"int"${'}'.repeat(200)}`), /nested more than 100/],
  ]
  for (const [schema, message] of wrong)
    assert.throws(
      () => parseAvroSchema(schema),
      (error: Error) => error instanceof BadAvroSchema && message.test(error.message),
      JSON.stringify(schema).slice(0, 80),
    )
})

test.run()
