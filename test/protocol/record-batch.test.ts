import fc from 'fast-check'
import {
  checkBatch,
  encodeRecordBatch,
  type OutgoingRecord,
  RecordReader,
  readBatchHeader,
} from '../../protocol/record-batch.ts'
import { assert, suite } from '../harness.ts'
import { kafkajsBytes } from './kafkajs-bytes.ts'

const test = suite('record batches')
const NOW = 1_790_000_000_000

const text = fc.string({ unit: 'grapheme', maxLength: 60 })
const bytes = fc.oneof(text, fc.uint8Array({ maxLength: 200 }))
const record: fc.Arbitrary<OutgoingRecord> = fc.record(
  {
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.array(fc.tuple(text, bytes), { maxLength: 4 }),
    timestamp: fc.integer({ min: 0, max: 2 ** 48 }),
  },
  { requiredKeys: ['key', 'value'] },
)
const batch = fc.array(record, { minLength: 1, maxLength: 30 })

const buffer = (value: Uint8Array | string | null) => (value === null ? null : Buffer.from(value))

function plain(records: readonly OutgoingRecord[]) {
  return records.map((each, index) => ({
    offset: index,
    timestamp: each.timestamp ?? NOW,
    key: buffer(each.key),
    value: buffer(each.value),
    headers: (each.headers ?? []).map(([name, value]) => [name, buffer(value)]),
  }))
}

function readAll(encoded: Uint8Array) {
  const reader = new RecordReader(encoded)
  const records = []
  while (reader.next()) {
    const value = reader.value()
    const headers = reader.headers()
    records.push({
      offset: reader.offset,
      timestamp: reader.timestamp,
      key: reader.key(),
      value,
      headers,
    })
  }
  return records
}

test('what is encoded is read back, and the checksum holds', () => {
  fc.assert(
    fc.property(batch, records => {
      const encoded = encodeRecordBatch(records, {
        now: NOW,
        transactional: true,
        producerId: 7,
        producerEpoch: 2,
      })
      const header = readBatchHeader(encoded, 0)
      if (header === undefined) throw new Error('no header')
      assert.is(checkBatch(encoded, header), undefined)
      assert.is(header.byteLength, encoded.length)
      assert.is(header.recordCount, records.length)
      assert.is(header.transactional, true)
      assert.is(header.producerId, 7)
      assert.is(header.maxTimestamp, Math.max(...records.map(each => each.timestamp ?? NOW)))
      assert.equal(readAll(encoded), plain(records))
    }),
  )
})

test('kafkajs reads what is encoded here', async () => {
  await fc.assert(
    fc.asyncProperty(batch, async records => {
      const decoded = await kafkajsBytes.decode(encodeRecordBatch(records, { now: NOW }))
      assert.equal(
        decoded.map(({ offset, timestamp, key, value }) => ({
          offset: +offset,
          timestamp: +timestamp,
          key,
          value,
        })),
        plain(records).map(({ headers, ...rest }) => rest),
      )
    }),
    { numRuns: 50 },
  )
})

test('what kafkajs encodes is read here, also compressed', async () => {
  for (const compression of [0, 1]) {
    const messages = [
      { key: 'a', value: 'one', headers: { source: 'web', twice: ['1', '2'] } },
      { key: null, value: null },
      { key: Buffer.alloc(0), value: 'ö'.repeat(5000) },
    ]
    const encoded = await kafkajsBytes.encode(messages, {
      compression,
      firstTimestamp: NOW,
      maxTimestamp: NOW,
    })
    assert.equal(
      readAll(encoded).map(({ key, value, headers }) => [
        key?.toString(),
        value?.toString(),
        String(headers),
      ]),
      [
        ['a', 'one', 'source,web,twice,1,twice,2'],
        [undefined, undefined, ''],
        ['', 'ö'.repeat(5000), ''],
      ],
    )
  }
})

test('batches one after the other are read as one, and a batch cut off at the end is left out', () => {
  const first = encodeRecordBatch([{ key: 'a', value: '1' }], { now: NOW })
  const second = encodeRecordBatch([{ key: 'b', value: '2' }], { now: NOW })
  second.writeInt32BE(1, 4)
  for (let cut = 0; cut < second.length; cut++) {
    const bytes = Buffer.concat([first, second.subarray(0, cut)])
    assert.equal(
      readAll(bytes).map(each => [each.offset, each.key?.toString()]),
      [[0, 'a']],
    )
  }
  const whole = readAll(Buffer.concat([first, second]))
  assert.equal(
    whole.map(each => [each.offset, each.key?.toString()]),
    [
      [0, 'a'],
      [1, 'b'],
    ],
  )
})

test("a topic with append times gives every record the batch's", () => {
  const encoded = encodeRecordBatch(
    [
      { key: 'a', value: '1', timestamp: 5 },
      { key: 'b', value: '2', timestamp: 9 },
    ],
    { now: NOW },
  )
  encoded.writeInt16BE(8, 21)
  assert.equal(
    readAll(encoded).map(each => each.timestamp),
    [9, 9],
  )
})

test('a changed byte is found by the checksum, or makes no batch at all', () => {
  const encoded = encodeRecordBatch([{ key: 'key', value: 'value' }], { now: NOW })
  for (let at = 21; at < encoded.length; at++) {
    const changed = Buffer.from(encoded)
    changed[at] = (changed[at] ?? 0) ^ 0x10
    const header = readBatchHeader(changed, 0)
    assert.match(String(header && checkBatch(changed, header)), /checksum/)
  }
})

test('rubbish ends in a ProtocolError or in no record, never in another error or an endless loop', () => {
  const sound = encodeRecordBatch([{ key: 'key', value: 'value', headers: [['a', 'b']] }], {
    now: NOW,
  })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(sound.length), (noise, at) => {
      const bytes = Buffer.concat([sound, sound])
      bytes.set(noise.subarray(0, bytes.length - at), at)
      try {
        readAll(bytes)
      } catch (error) {
        assert.is((error as Error).name, 'ProtocolError')
      }
    }),
    { numRuns: 2000 },
  )
})

test('encoding a small record takes a microsecond or so, and reading one less', () => {
  const records = Array.from({ length: 500 }, (_, index) => ({
    key: `user-${index}`,
    value: Buffer.alloc(100),
  }))
  const encoded = encodeRecordBatch(records, { now: NOW })
  const perRecordUs = (work: () => void) => {
    for (let round = 0; round < 100; round++) work()
    const start = performance.now()
    for (let round = 0; round < 200; round++) work()
    return ((performance.now() - start) * 1000) / (200 * records.length)
  }
  const encodeUs = perRecordUs(() => encodeRecordBatch(records, { now: NOW }))
  const readUs = perRecordUs(() => {
    const reader = new RecordReader(encoded)
    while (reader.next()) reader.keyString()
  })
  if (process.env.MILLRACE_TIMES !== undefined) console.log({ encodeUs, readUs })
  // Generous: the machine may be busy with other things.
  assert.ok(encodeUs < 20 && readUs < 20, `${encodeUs} and ${readUs} µs`)
})

test.run()
