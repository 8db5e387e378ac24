import fc from 'fast-check'
import { Reader } from '../../protocol/reader.ts'
import { Writer } from '../../protocol/writer.ts'
import { assert, suite } from '../harness.ts'

const test = suite('primitives')

const safe = fc.maxSafeInteger()

test('what the writer writes, the reader reads', () => {
  const shape = fc.record({
    small: fc.integer({ min: -128, max: 127 }),
    short: fc.integer({ min: -32768, max: 32767 }),
    int: fc.integer(),
    long: safe,
    zigzag: fc.integer(),
    far: fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
    text: fc.option(fc.string({ unit: 'grapheme' })),
    bytes: fc.option(fc.uint8Array()),
    list: fc.option(fc.array(safe)),
  })
  fc.assert(
    fc.property(shape, value => {
      const writer = new Writer(1)
        .int8(value.small)
        .int16(value.short)
        .int32(value.int)
        .int64(value.long)
        .varint(value.zigzag)
        .varint(value.far)
        .string(value.text)
        .compactString(value.text)
        .bytes(value.bytes)
        .compactBytes(value.bytes)
        .array(value.list, (each, w) => w.int64(each))
        .compactArray(value.list, (each, w) => w.int64(each))
        .tags()
      const reader = new Reader(writer.finish())
      const bytes = value.bytes && Buffer.from(value.bytes)
      assert.is(reader.int8(), value.small)
      assert.is(reader.int16(), value.short)
      assert.is(reader.int32(), value.int)
      assert.is(reader.int64(), value.long)
      assert.is(reader.varint(), value.zigzag)
      assert.is(reader.varlong(), value.far)
      assert.is(reader.nullableString(), value.text)
      assert.is(reader.compactNullableString(), value.text)
      assert.equal(reader.nullableBytes(), bytes)
      assert.equal(reader.compactNullableBytes(), bytes)
      assert.equal(
        reader.nullableArray(each => each.int64()),
        value.list,
      )
      assert.equal(
        reader.compactNullableArray(each => each.int64()),
        value.list,
      )
      reader.tags()
      assert.is(reader.remaining, 0)
    }),
  )
})

test('a number beyond 2^53 is refused on both sides', () => {
  assert.throws(() => new Writer().int64(2 ** 53), /2\^53/)
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(2n ** 53n)
  assert.throws(() => new Reader(bytes).int64(), /9007199254740992/)
})

test('reading past the end says where, and an announced array of two billion takes no memory', () => {
  assert.throws(() => new Reader(Buffer.alloc(3)).int32(), /expected 4 bytes at byte 0, found 3/)
  const lie = new Writer().int32(2_000_000_000).finish()
  assert.throws(() => new Reader(lie).array(each => each.int8()), /2000000000 elements/)
  assert.throws(() => new Reader(new Writer().int16(-1).finish()).string(), /found null/)
})

test('a tagged field of a flexible version is skipped', () => {
  const bytes = new Writer().uvarint(1).uvarint(7).compactBytes(Buffer.from('x')).int8(5).finish()
  bytes[2] = 1 // a tag's size is not a compact length
  const reader = new Reader(bytes)
  reader.tags()
  assert.is(reader.int8(), 5)
})

test.run()
