import fc from 'fast-check'
import { CodecError, decodeState, encodeState, timerAt } from '../../state/codec.ts'
import { assert, suite } from '../harness.ts'

const test = suite('state codec')

const anyScalar = () =>
  fc.oneof(
    fc.double({ noNaN: true }).map(value => value + 0),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.boolean(),
    fc.constant(null),
  )
const anyPayload = () =>
  fc.array(fc.oneof(anyScalar(), fc.array(fc.oneof(anyScalar(), fc.array(anyScalar())))))

test('what is decoded is what was encoded', () => {
  fc.assert(
    fc.property(anyPayload(), fc.option(fc.nat(), { nil: undefined }), (payload, time) => {
      const bytes = encodeState(payload, time)
      assert.equal(decodeState(bytes), payload)
      assert.is(timerAt(bytes), time)
    }),
  )
})

test('numbers that are no number, endless or below zero come back as they were', () => {
  const payload = [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2 ** 53,
    1e308,
    0.1,
  ]
  const decoded = decodeState(encodeState(payload, 2 ** 50))
  assert.ok(
    Array.isArray(decoded) && payload.every((value, index) => Object.is(value, decoded[index])),
  )
})

test('the timer is read without the payload', () => {
  const bytes = encodeState(['x'], 1_700_000_000_123)
  bytes.fill(0xc1, 9)
  assert.is(timerAt(bytes), 1_700_000_000_123)
})

test('bytes read from the middle of a larger buffer are read from there', () => {
  const bytes = encodeState([1, 'two', [3.5]], 77)
  const larger = new Uint8Array(bytes.length + 40).fill(0xff)
  larger.set(bytes, 13)
  const view = larger.subarray(13, 13 + bytes.length)
  assert.equal(decodeState(view), [1, 'two', [3.5]])
  assert.is(timerAt(view), 77)
})

test('encoded bytes never change when others are encoded or decoded after them', () => {
  const payloads = Array.from({ length: 2_000 }, (_, index) => [
    index,
    'x'.repeat(index % 97 === 0 ? 30_000 : index % 50),
  ])
  const encoded = payloads.map((payload, index) => encodeState(payload, index))
  for (const [index, bytes] of encoded.entries()) {
    assert.is(timerAt(bytes), index)
    assert.equal(decodeState(bytes), payloads[index])
  }
})

test('what is done to decoded bytes is not done to the encoded ones', () => {
  const encoded = encodeState([new Uint8Array([1, 2, 3])], undefined)
  const [registers] = decodeState(encoded) as [Uint8Array]
  registers[1] = 9
  assert.equal([...(decodeState(encoded) as [Uint8Array])[0]], [1, 2, 3])
})

test('another version is refused, saying which was found and what to do', () => {
  const bytes = encodeState(['x'], undefined)
  bytes[0] = 2
  for (const read of [decodeState, timerAt])
    refused(() => read(bytes), 'unknown_version', ['version 1', 'beginning 02', 'newer Millrace'])
})

test('bytes that nobody encoded are refused, saying what was found and what to do', () => {
  const good = encodeState(['a long enough payload', 1, 2, 3], 5)
  const words = ['expected', 'found', 'delete that folder']
  refused(() => decodeState(new Uint8Array(0)), 'corrupt_state', words)
  refused(() => timerAt(good.subarray(0, 9)), 'corrupt_state', words)
  refused(() => decodeState(good.subarray(0, good.length - 1)), 'corrupt_state', words)
  refused(() => decodeState(Buffer.concat([good, Buffer.of(1)])), 'corrupt_state', words)
  refused(
    () => decodeState(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0xdd, 0xff, 0xff, 0xff, 0xff)),
    'corrupt_state',
    words,
  )
})

test('no bytes at all make it throw anything but its own error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), rest => {
      try {
        decodeState(Uint8Array.of(1, ...rest))
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
