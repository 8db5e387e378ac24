import fc from 'fast-check'
import { Packr, Unpackr } from 'msgpackr'
import { MsgpackFields } from '../../runtime/msgpack-fields.ts'
import { RawEvent } from '../../runtime/raw-event.ts'
import { assert, suite } from '../harness.ts'

const test = suite('msgpack-fields')
const fields = new MsgpackFields()
const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ mapsAsObjects: true, useRecords: true, int64AsType: 'number' })
const scalars = [
  'messageId',
  'type',
  'event',
  'userId',
  'anonymousId',
  'previousId',
  'state',
] as const
const times = ['timestamp', 'sentAt', 'receivedAt'] as const
const parts = ['properties', 'traits', 'context'] as const

/** Compares what is read with msgpackr; answers whether it was read. */
function compare(bytes: Buffer): boolean {
  const raw = new RawEvent()
  const around = Buffer.concat([Buffer.from([0xdf]), bytes, Buffer.from([0xa1, 0x61, 0xc0])])
  if (!fields.read(around, 1, 1 + bytes.length, raw)) return false
  const wanted = unpackr.unpack(bytes)
  const say = bytes.toString('hex')
  for (const name of scalars) assert.equal(raw[name], wanted[name], `${name} of ${say}`)
  for (const name of times) assert.equal(ms(raw[name]), ms(wanted[name]), `${name} of ${say}`)
  for (const name of parts) {
    const own = wanted[name]
    const isMap =
      typeof own === 'object' && own !== null && !Array.isArray(own) && !Buffer.isBuffer(own)
    assert.equal(raw.parts[name], isMap ? own : {}, `${name} of ${say}`)
  }
  return true
}

const ms = (time: unknown) => (typeof time === 'string' ? Date.parse(time) : time)

const value = fc.anything({
  maxDepth: 4,
  values: [
    ...[
      fc.string({ unit: 'grapheme' }),
      fc.string({ maxLength: 300 }),
      fc.integer(),
      fc.maxSafeInteger(),
    ],
    ...[
      fc.double(),
      fc.float(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array().map(each => Buffer.from(each)),
    ],
  ],
})
const time = fc.oneof(
  fc.date({ noInvalidDate: true }).map(date => date.toISOString()),
  fc.maxSafeInteger(),
  value,
)
const event = fc.record(
  {
    ...Object.fromEntries(scalars.map(name => [name, value])),
    ...Object.fromEntries(times.map(name => [name, time])),
    ...Object.fromEntries(parts.map(name => [name, fc.dictionary(fc.string(), value)])),
    more: value,
  },
  { requiredKeys: [] },
)

test('reads the fields as msgpackr does', () => {
  let taken = 0
  let all = 0
  fc.assert(
    fc.property(event, each => {
      all++
      if (compare(Buffer.from(packr.pack(each)))) taken++
    }),
    { numRuns: 300 },
  )
  assert.ok(taken > all * 0.8, `${taken} of ${all}: the others were left to msgpackr`)
})

test('never throws, whatever the bytes, not even when the objects are read', () => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(event, fc.array(change, { maxLength: 4 }), (each, changes) => {
      const bytes = Buffer.from(packr.pack(each))
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      const raw = new RawEvent()
      if (fields.read(bytes, 0, bytes.length, raw))
        JSON.stringify(parts.map(name => raw.parts[name]))
      for (const cut of [1, 2, 5])
        assert.not.ok(fields.read(bytes, 0, bytes.length - cut, raw) && changes.length === 0)
    }),
    { numRuns: 500 },
  )
})

test('every number of every width', () => {
  const heads: (readonly [number, number])[] = [
    ...([
      [0xca, 4],
      [0xcb, 8],
      [0xcc, 1],
      [0xcd, 2],
      [0xce, 4],
      [0xcf, 8],
    ] as const),
    ...([
      [0xd0, 1],
      [0xd1, 2],
      [0xd2, 4],
      [0xd3, 8],
    ] as const),
  ]
  const eight = fc.uint8Array({ minLength: 8, maxLength: 8 })
  const name = packr.pack('userId')
  fc.assert(
    fc.property(fc.constantFrom(...heads), eight, ([head, size], bytes) => {
      const number = Buffer.from([head, ...bytes.subarray(0, size)])
      assert.ok(compare(Buffer.concat([Buffer.from([0x81]), name, number])))
    }),
    { numRuns: 300 },
  )
})

test('records, extensions, other keys, cut values and deep ones are left to msgpackr', () => {
  const left = [
    new Packr({ useRecords: true }).pack({ userId: 'a' }),
    packr.pack({ timestamp: new Date(0) }),
    packr.pack(new Map([[1, 2]])),
    Buffer.from([0x81, 0xa1]),
    Buffer.from([0x81]),
    Buffer.from([0xde, 0]),
    Buffer.from([0xc1]),
    packr.pack('a'),
    Buffer.from([...packr.pack({ a: 1 }), 0]),
    Buffer.concat([Buffer.from([0x81, 0xa1, 0x61]), Buffer.alloc(100_000, 0x91), Buffer.from([0])]),
  ]
  for (const bytes of left) assert.not.ok(compare(bytes), bytes.toString('hex').slice(0, 40))
})

test('a text that is no UTF-8 is what Buffer makes of it, and ends where it says', () => {
  const bytes = Buffer.from([
    0x82,
    ...packr.pack('userId'),
    0xa2,
    0x61,
    0xe2,
    ...packr.pack('type'),
    0xa1,
    0x78,
  ])
  const raw = new RawEvent()
  assert.ok(fields.read(bytes, 0, bytes.length, raw))
  assert.equal([raw.userId, raw.type], ['a\ufffd', 'x'])
})

test.run()
