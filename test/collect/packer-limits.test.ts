import fc from 'fast-check'
import { EventPacker } from '../../collect/event-packer.ts'
import { eachPacked, jsonEventsOf } from '../../collect/json-events.ts'
import { assert, suite } from '../harness.ts'
import { NOW } from './door-world.ts'
import { events, tail } from './event-texts.ts'
import { edited, edits, same, short } from './packer-world.ts'

const test = suite('limits and texts of events packed from their JSON')

test('events of any JSON are what they would be by way of objects, with what JSON.stringify never writes', async () => {
  const batch = fc.array(events, { maxLength: 3 }).map(all => all.join(', '))
  const property = fc.asyncProperty(batch, tail, edits, (batch, tail, edit) =>
    same('/v1/batch', edited(`{"batch" :[${batch}]${tail}}`, edit)),
  )
  await fc.assert(property, { numRuns: 500 })
})

test('an event that is just too large is so either way, also one of many small maps', async () => {
  const start = '{"type":"track","event":"Seen","messageId":"m","userId":"u","properties":{"a":['
  const maps = '{},'.repeat(1_500)
  for (const [before, from] of [
    ['', 32_560],
    [maps, 32_560 - 4_500],
    ['200,'.repeat(1_500), 32_560 - 3_000],
  ] as const) {
    const seen = new Set<string>()
    for (let chars = from; chars < from + 150; chars++) {
      const event = `${start}${before}"${'x'.repeat(chars)}"]}}`
      await same('/v1/batch', `{"batch":[${event}]}`)
      seen.add(short.records[0]?.topic ?? '')
    }
    assert.is(seen.size, 2, 'both an event that is taken and one that is not')
  }
})

test('a body that nests one level too deep is refused whole, as is one that says two keys by its last', async () => {
  const start = '{"type":"track","event":"Seen","messageId":"m","userId":"u","properties":{"a":'
  for (const depth of [995, 996, 997, 998, 999])
    await same('/v1/batch', `{"batch":[${start}${'['.repeat(depth)}${']'.repeat(depth)}}}]}`)
  const none = { 'user-agent': 'test/1' }
  for (const [one, other] of [
    ['dev', 'nosuch'],
    ['nosuch', 'dev'],
    ['dev', 'dev'],
  ])
    await same(
      '/v1/batch',
      `{"writeKey":"${one}","batch":[${start}1}}],"writeKey":"${other}","batch":[${start}2}}]}`,
      none,
    )
})

test('a long name of a browser in a thousand small events is written without much memory', async () => {
  const event = `{"type":"page","userId":"u","messageId":"m","properties":{"a":"${'x'.repeat(400)}"}}`
  const body = Buffer.from(`{"batch":[${Array.from({ length: 900 }, () => event).join()}]}`)
  const batch = jsonEventsOf(body)
  assert.ok(batch)
  const packer = new EventPacker()
  const source = { name: 'dev', requireConsent: false }
  const arrival = { source, receivedAt: NOW, userAgent: 'b'.repeat(8_000) }
  const moment = { arrival, receivedAt: new Date(NOW).toISOString() }
  const buffers = new Set<ArrayBufferLike>()
  let bytes = 0
  const taken = eachPacked(packer, batch, moment, value => {
    if (value === undefined) return false
    buffers.add(value.buffer)
    bytes += value.length
    return true
  })
  assert.is(taken, true)
  const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)
  assert.ok(held < 3 * bytes, `${held} bytes are held for ${bytes}`)
})

test.run()
