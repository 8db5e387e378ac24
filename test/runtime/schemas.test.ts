import { systemClock } from '../../runtime/clock.ts'
import { BadRecord, decodeEvent } from '../../runtime/decode.ts'
import { openSchemas, type Schemas } from '../../runtime/schemas.ts'
import { assert, suite } from '../harness.ts'
import { avro, framed, SmallRegistry } from './small-registry.ts'

const test = suite('schemas')
const registry = new SmallRegistry()
const opened: Schemas[] = []

test.before(() => registry.start())
test.before.each(() => {
  registry.asked.length = 0
  registry.broken = undefined
})
test.after(async () => {
  for (const schemas of opened) schemas.close()
  await registry.stop()
})

function open(login?: { user: string; secret: string }): Schemas {
  const schemas = openSchemas({ url: registry.url, login }, systemClock)
  opened.push(schemas)
  return schemas
}

/** Resolves when the value can be read. */
async function ready(schemas: Schemas, value: Buffer): Promise<void> {
  await new Promise<void>(resolve => {
    if (schemas.ready(value, resolve)) resolve()
  })
  assert.ok(schemas.ready(value, () => undefined))
}

async function read(schemas: Schemas, value: Buffer): Promise<unknown> {
  await ready(schemas, value)
  return schemas.read(value)
}

async function bad(schemas: Schemas, value: Buffer, code: string, message: RegExp): Promise<void> {
  await ready(schemas, value)
  try {
    schemas.read(value)
  } catch (error) {
    assert.instance(error, BadRecord)
    assert.is((error as BadRecord).code, code)
    assert.match((error as BadRecord).message, message)
    return
  }
  throw new Error(`read: ${value.toString('hex')}`)
}

async function until(holds: () => boolean): Promise<void> {
  const end = systemClock.elapsed() + 20_000
  while (!holds()) {
    assert.ok(systemClock.elapsed() < end, 'in time')
    await systemClock.sleep(5)
  }
}

const bought = {
  type: 'record' as const,
  name: 'Bought',
  fields: [
    { name: 'userId', type: 'string' as const },
    { name: 'event', type: 'string' as const },
    { name: 'timestamp', type: { type: 'long' as const, logicalType: 'timestamp-millis' } },
    {
      name: 'properties',
      type: {
        type: 'record' as const,
        name: 'Properties',
        fields: [{ name: 'revenue', type: 'double' as const }],
      },
    },
  ],
}
const time = Date.UTC(2026, 10, 22)
const event = { userId: 'ann', event: 'Bought', timestamp: time, properties: { revenue: 2.5 } }

test('an Avro event is read by the schema that it names, which is asked for once', async () => {
  registry.ids.set(1, { schema: JSON.stringify(bought) })
  const schemas = open()
  const value = framed(1, avro(bought, event))
  let told = 0
  for (let i = 0; i < 3; i++) assert.not(schemas.ready(value, () => told++))
  const again = () => told++
  for (let i = 0; i < 3; i++) assert.not(schemas.ready(value, again))
  await ready(schemas, value)
  assert.is(told, 4)
  const decoded = decodeEvent(value, time, undefined, framed => schemas.read(framed))
  assert.is(decoded.timestamp, time)
  assert.equal(decoded.properties, { revenue: 2.5 })
  assert.equal(registry.asked, ['/schemas/ids/1'])
})

test('a JSON event is held against its schema, and what fails is told without values', async () => {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    properties: { properties: { type: 'object', properties: { revenue: { type: 'number' } } } },
    javaType: 'com.example.Bought',
  }
  registry.ids.set(2, { schema: JSON.stringify(schema), schemaType: 'JSON' })
  const schemas = open()
  const json = (value: unknown) => framed(2, Buffer.from(JSON.stringify(value)))
  assert.equal(await read(schemas, json(event)), event)
  const wrong = json({ ...event, properties: { revenue: 'secret' } })
  await bad(
    schemas,
    wrong,
    'schema_failed',
    /^schema 2: \/properties\/revenue must be number, is string$/,
  )
  await bad(
    schemas,
    framed(2, Buffer.from('{"a":')),
    'not_decodable',
    /is not JSON, as schema 2 says/,
  )
})

test('a schema is read with those that it refers to, of both kinds', async () => {
  const line = {
    type: 'record',
    name: 'Line',
    namespace: 'shop',
    fields: [{ name: 'n', type: 'int' }],
  }
  const list = { type: 'array', items: 'shop.Line' }
  registry.versions.set('line value/3', { schema: JSON.stringify(line) })
  registry.ids.set(3, {
    schema: JSON.stringify(list),
    references: [{ name: 'shop.Line', subject: 'line value', version: 3 }],
  })
  const schemas = open()
  assert.equal(await read(schemas, framed(3, Buffer.of(2, 10, 0))), [{ n: 5 }])

  registry.versions.set('money/1', { schema: '{"type":"number"}', schemaType: 'JSON' })
  registry.ids.set(4, {
    schema: '{"properties":{"price":{"$ref":"money.json"}}}',
    schemaType: 'JSON',
    references: [{ name: 'money.json', subject: 'money', version: 1 }],
  })
  assert.equal(await read(schemas, framed(4, Buffer.from('{"price":1}'))), { price: 1 })
  await bad(
    schemas,
    framed(4, Buffer.from('{"price":"x"}')),
    'schema_failed',
    /\/price must be number/,
  )
})

test('bytes that are not what the schema says, and schemas that cannot be used, are bad records', async () => {
  registry.ids.set(5, { schema: '{"type":"record","name":"R"}' })
  registry.ids.set(6, { schema: 'syntax = "proto3";', schemaType: 'PROTOBUF' })
  registry.ids.set(7, { schema: 'string' })
  registry.ids.set(8, { schema: '{"type":' })
  registry.ids.set(9, { schema: '{"$ref":"https://example.com/a.json"}', schemaType: 'JSON' })
  const schemas = open()
  await bad(schemas, framed(5, Buffer.of()), 'not_decodable', /schema 5 cannot be used: its fields/)
  await bad(schemas, framed(6, Buffer.of()), 'not_decodable', /schema 6 is of Protobuf/)
  assert.is(await read(schemas, framed(7, Buffer.of(2, 65))), 'A')
  await bad(schemas, framed(7, Buffer.of(9, 65)), 'not_decodable', /is not Avro of schema 7/)
  await bad(schemas, framed(8, Buffer.of()), 'not_decodable', /schema 8 cannot be used/)
  await bad(schemas, framed(9, Buffer.from('{}')), 'not_decodable', /can't resolve reference https/)
  await bad(schemas, Buffer.of(0, 0, 1), 'not_decodable', /ends before its schema id/)
})

test('an id that the registry does not know is a bad record; it is asked twice, since a follower may lag', async () => {
  const schemas = open()
  await bad(schemas, framed(404, Buffer.of()), 'unknown_schema', /has no schema 404; register it/)
  assert.equal(registry.asked, ['/schemas/ids/404', '/schemas/ids/404'])
  // But seldom: somebody may send a thousand such ids.
  await bad(schemas, framed(405, Buffer.of()), 'unknown_schema', /has no schema 405/)
  assert.is(registry.asked.length, 3)
  await bad(schemas, framed(-7, Buffer.of()), 'unknown_schema', /has no schema 4294967289/)
  assert.is(registry.asked.length, 3)
})

test('an id that a follower learns a moment later is no bad record', async () => {
  const schemas = open()
  const value = framed(10, Buffer.of(2, 65))
  const waiting = read(schemas, value)
  await until(() => registry.asked.length === 1)
  registry.ids.set(10, { schema: '"string"' })
  assert.is(await waiting, 'A')
})

test(
  'a registry that is away, refuses or is none is waited for, and says why',
  async () => {
    const schemas = open()
    const value = framed(11, Buffer.of(2, 65))
    registry.ids.set(11, { schema: '"string"' })
    await registry.stop()
    let told = 0
    assert.not(schemas.ready(value, () => told++))
    const says = (message: RegExp) => until(() => message.test(schemas.trouble(value) ?? ''))
    await says(
      /schema 11 is not known yet: the registry http:\/\/127.* does not answer \(ECONNREFUSED\)/,
    )
    registry.broken = { status: 401, body: '{"error_code":401}' }
    await registry.start()
    await says(/answers 401 .*--schema-registry-user/)
    registry.broken = { status: 404, body: '<html>no such page</html>' }
    await says(/answers 404 .*is --schema-registry the URL of a registry/)
    registry.broken = { status: 200, body: 'hello' }
    await says(/answers 200 .*is --schema-registry the URL/)
    registry.broken = { status: 200, body: '{"schema":1}' }
    await says(/answers no schema/)
    registry.broken = { status: 500, body: '{}' }
    await says(/answers 500 .*asked again/)
    registry.broken = { status: 200, body: 'x'.repeat(3_000_000) }
    await says(/does not answer \(more than 2097152 bytes\)/)
    assert.is(told, 0)
    registry.broken = undefined
    await ready(schemas, value)
    assert.is(schemas.trouble(value), undefined)
    assert.is(told, 1)
    assert.is(schemas.read(value), 'A')
  },
  { timeoutMs: 120_000 },
)

test('it logs in where it is told to', async () => {
  registry.authorizations.clear()
  registry.ids.set(12, { schema: '"string"' })
  const schemas = open({ user: 'ann', secret: 'päss' })
  await read(schemas, framed(12, Buffer.of(2, 65)))
  const expected = `Basic ${Buffer.from('ann:päss').toString('base64')}`
  assert.equal([...registry.authorizations], [expected])
})

test('other values need no registry', () => {
  const schemas = open()
  for (const value of [null, Buffer.of(), Buffer.from('{}'), Buffer.of(0x81), Buffer.of(0)])
    assert.ok(schemas.ready(value, () => undefined))
  assert.equal(registry.asked, [])
})

test.run()
