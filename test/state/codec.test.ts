import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { CodecError, timerAt } from '../../state/codec.ts'
import { StateReader } from '../../state/state-reader.ts'
import { StateWriter } from '../../state/state-writer.ts'
import { assert, suite } from '../harness.ts'
import { decodedValue, encodedValue } from './encoded-value.ts'

const test = suite('state codec')

const anyScalar = () =>
  fc.oneof(
    fc.double(),
    fc.integer(),
    fc.integer({ min: -200, max: 20_000 }),
    fc.integer({ min: -10_000, max: 1_000_000 }).map(cents => cents / 100),
    fc.integer({ min: 2 ** 32 - 9, max: 2 ** 41 }),
    fc.maxSafeInteger(),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map(units => String.fromCharCode(...units)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
    fc.dictionary(fc.string({ minLength: 12 }), fc.integer(), { noNullPrototype: true }),
  )
const anyPayload = () =>
  fc.array(fc.oneof(anyScalar(), fc.array(fc.oneof(anyScalar(), fc.array(anyScalar())))))

test('what is decoded is what was encoded', () => {
  fc.assert(
    fc.property(anyPayload(), fc.option(fc.nat(), { nil: undefined }), (payload, time) => {
      const bytes = encodedValue(payload, time)
      assert.ok(isDeepStrictEqual(decodedValue(bytes), payload))
      assert.is(timerAt(bytes), time)
    }),
  )
})

test('times are told by their distance from the base, and come back whatever that is', () => {
  const writer = new StateWriter()
  const time = fc.oneof(fc.integer({ min: 2 ** 32 - 5, max: 2 ** 42 }), fc.maxSafeInteger())
  fc.assert(
    fc.property(fc.array(time), fc.oneof(time, fc.constant(0)), (times, base) => {
      writer.clear()
      writer.base = base
      writer.numbers(times)
      const reader = new StateReader(writer.copy(), 0)
      reader.base = base
      assert.equal(reader.numbers(), times)
    }),
  )
  writer.clear()
  writer.base = 1_800_000_000_000
  writer.number(1_800_000_000_000 - 86_400_000)
  assert.is(writer.length, 5)
})

test('texts come back, however many there are', () => {
  const writer = new StateWriter()
  const texts = Array.from({ length: 40_000 }, (_, at) => `${'ä'.repeat(at % 40)}${at % 20_000}`)
  writer.texts(texts)
  const bytes = writer.copy()
  for (let time = 0; time < 2; time++) assert.equal(new StateReader(bytes, 0).texts(), texts)
})

test('a hash of 53 bits comes back', () => {
  const writer = new StateWriter()
  fc.assert(
    fc.property(fc.maxSafeInteger(), number => {
      const hash = Math.abs(number)
      writer.clear()
      writer.hash(hash)
      assert.is(writer.length, 7)
      assert.is(new StateReader(writer.copy(), 0).hash(), hash)
    }),
  )
})

test('a state of format version 1 is read: one value, in MessagePack', () => {
  // Under the name `__proto__` MessagePack's library reads nothing back, lest it be a prototype.
  const readBack = fc.jsonValue().filter(value => !JSON.stringify(value).includes('"__proto__":'))
  fc.assert(
    fc.property(readBack, value => {
      const head = Buffer.alloc(9)
      head[0] = 1
      head.writeDoubleBE(1_234, 1)
      const bytes = Buffer.concat([head, new Packr({ useRecords: false }).pack(value)])
      assert.is(timerAt(bytes), 1_234)
      assert.equal(decodedValue(bytes), value)
    }),
  )
})

test('the timer is read without the payload', () => {
  const bytes = encodedValue(['x'], 1_700_000_000_123)
  bytes.fill(0xc1, 9)
  assert.is(timerAt(bytes), 1_700_000_000_123)
})

test('bytes read from the middle of a larger buffer are read from there', () => {
  const bytes = encodedValue([1, 'two', [3.5]], 77)
  const larger = new Uint8Array(bytes.length + 40).fill(0xff)
  larger.set(bytes, 13)
  const view = larger.subarray(13, 13 + bytes.length)
  assert.equal(decodedValue(view), [1, 'two', [3.5]])
  assert.is(timerAt(view), 77)
})

test('encoded bytes never change when others are encoded or decoded after them', () => {
  const payloads = Array.from({ length: 2_000 }, (_, index) => [
    index,
    'x'.repeat(index % 97 === 0 ? 30_000 : index % 50),
  ])
  const encoded = payloads.map((payload, index) => encodedValue(payload, index))
  for (const [index, bytes] of encoded.entries()) {
    assert.is(timerAt(bytes), index)
    assert.equal(decodedValue(bytes), payloads[index])
  }
})

test('what is done to decoded bytes is not done to the encoded ones', () => {
  const encoded = encodedValue([new Uint8Array([1, 2, 3])], undefined)
  const [registers] = decodedValue(encoded) as [Uint8Array]
  registers[1] = 9
  assert.equal([...(decodedValue(encoded) as [Uint8Array])[0]], [1, 2, 3])
})

test('another version is refused, saying which was found and what to do', () => {
  const bytes = encodedValue(['x'], undefined)
  bytes[0] = 3
  for (const read of [decodedValue, timerAt])
    refused(() => read(bytes), 'unknown_version', ['version 2', 'beginning 03', 'newer Millrace'])
})

test('bytes that nobody encoded are refused, saying what was found and what to do', () => {
  const good = encodedValue(['a long enough payload', 1, 2, 3], 5)
  const words = ['expected', 'found', 'delete that folder']
  refused(() => decodedValue(new Uint8Array(0)), 'corrupt_state', words)
  refused(() => timerAt(good.subarray(0, 9)), 'corrupt_state', words)
  refused(() => decodedValue(good.subarray(0, good.length - 1)), 'corrupt_state', words)
  refused(() => decodedValue(Buffer.concat([good, Buffer.of(1)])), 'corrupt_state', words)
  refused(
    () => decodedValue(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0xdd, 0xff, 0xff, 0xff, 0xff)),
    'corrupt_state',
    words,
  )
})

test('no bytes at all make it throw anything but its own error', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 60 }), (version, rest) => {
      try {
        decodedValue(Uint8Array.of(version, ...rest))
      } catch (error) {
        assert.instance(error, CodecError)
      }
    }),
    { numRuns: 2_000 },
  )
})

function refused(read: () => unknown, code: CodecError['code'], words: string[]): void {
  assert.throws(
    read,
    (error: unknown) =>
      error instanceof CodecError &&
      error.code === code &&
      words.every(word => error.message.includes(word)),
  )
}

test.run()
