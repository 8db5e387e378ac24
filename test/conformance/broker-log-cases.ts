import zlib from 'node:zlib'
import lz4 from 'lz4js'
import snappy from 'snappyjs'
import { attribute, batchChecksum, batchField } from '../../protocol/batch-header.ts'
import { errorName } from '../../protocol/error-codes.ts'
import { RecordReader } from '../../protocol/record-batch.ts'
import { Writer } from '../../protocol/writer.ts'
import { assert, type Suite } from '../harness.ts'
import { BrokerCase, type BrokerWorld } from './broker-world.ts'
import { batchOf, pause, type Wire } from './wire.ts'

export function brokerLogCases(test: Suite, world: () => BrokerWorld): void {
  test('records come back in order, at the offsets that were answered', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      assert.is((await wire.produce(topic, batchOf(['a', 'b']))).offset, 0)
      assert.is((await wire.produce(topic, batchOf(['c']))).offset, 2)
      assert.equal(await wire.seen(topic), ['0:a', '1:b', '2:c'])
      assert.equal(await wire.seen(topic, 1), ['1:b', '2:c'])
      const { end, stable, start } = await wire.fetch(topic, 0)
      assert.equal([start, stable, end], [0, 3, 3])
    }))

  test('a batch is stored as it came, whatever compressed it', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const codecs = [
        [1, (bytes: Buffer) => zlib.gzipSync(bytes)],
        [2, (bytes: Buffer) => snappy.compress(bytes)],
        [3, lz4Frame],
        [4, zstdFrame],
      ] as const
      for (const [codec, compress] of codecs) {
        const batch = compressed(batchOf(['one '.repeat(100), 'two']), codec, compress)
        const { error, offset } = await wire.produce(topic, batch)
        assert.is(error, 'NONE')
        const { records } = await wire.fetch(topic, offset)
        assert.equal(records.subarray(batchField.magic), batch.subarray(batchField.magic))
        const reader = new RecordReader(records)
        assert.ok(reader.next() && reader.next())
        assert.is(reader.value()?.toString(), 'two')
      }
    }))

  test('what is no sound batch is refused, and nothing is stored', () =>
    BrokerCase.run(
      world(),
      async ({ wire, topic }) => {
        const sound = batchOf([{ key: 'k', value: 'v' }])
        const changed = Buffer.from(sound)
        changed[sound.length - 2] = 0xff
        assert.is((await wire.produce(topic, changed)).error, 'CORRUPT_MESSAGE')
        assert.is(
          (await wire.produce(topic, Buffer.concat([sound, sound]))).error,
          'INVALID_RECORD',
        )
        assert.is((await wire.produce(topic, batchOf(['without a key']))).error, 'INVALID_RECORD')
        const early = batchOf([{ key: 'k', value: 'v', timestamp: Date.now() + 7_200_000 }])
        assert.is((await wire.produce(topic, early)).error, 'INVALID_TIMESTAMP')
        const large = batchOf([{ key: 'k', value: Buffer.alloc(1_100_000) }])
        assert.is((await wire.produce(topic, large)).error, 'MESSAGE_TOO_LARGE')
        assert.is(
          (await wire.produce(topic, sound, { partition: 7 })).error,
          'UNKNOWN_TOPIC_OR_PARTITION',
        )
        assert.equal(await wire.seen(topic), [])
      },
      1,
      { 'cleanup.policy': 'compact' },
    ))

  test('a record of nearly max.message.bytes, and one of nothing, come back as they were', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const value = Buffer.alloc(1_048_588 - 100, 'large')
      assert.is((await wire.produce(topic, batchOf([{ key: 'k', value }]))).error, 'NONE')
      const nothing = batchOf([
        { key: null, value: null },
        { key: '', value: '' },
      ])
      assert.is((await wire.produce(topic, nothing)).error, 'NONE')
      const first = new RecordReader((await wire.fetch(topic, 0, { bytesMax: 100 })).records)
      assert.ok(first.next() && first.value()?.equals(value))
      const rest = new RecordReader((await wire.fetch(topic, 1)).records)
      const seen: string[] = []
      while (rest.next()) seen.push(`${rest.offset} ${rest.key()} ${rest.value()}`)
      assert.equal(seen, ['1 null null', '2  '])
    }))

  test('a fetch outside the log is out of range, at its end it is empty', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      await wire.produce(topic, batchOf(['a']))
      assert.is((await wire.fetch(topic, 2)).error, 'OFFSET_OUT_OF_RANGE')
      const { error, records } = await wire.fetch(topic, 1)
      assert.is(error, 'NONE')
      assert.is(records.length, 0)
    }))

  test('a fetch keeps to its bytes, but gives a first batch that is larger', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      for (let index = 0; index < 10; index++)
        await wire.produce(topic, batchOf(['x'.repeat(1000)]))
      const offsets = async (bytesMax: number) => {
        const reader = new RecordReader((await wire.fetch(topic, 0, { bytesMax })).records)
        const found: number[] = []
        while (reader.next()) found.push(reader.offset)
        return found
      }
      assert.equal(await offsets(3500), [0, 1, 2])
      assert.equal(await offsets(10), [0])
    }))

  test('a fetch waits for records, for as long as it says', () =>
    BrokerCase.run(world(), async each => {
      const { wire, topic } = each
      const other = await each.another()
      const start = performance.now()
      const empty = await wire.fetch(topic, 0, { waitMs: 300 })
      assert.is(empty.records.length, 0)
      assert.ok(performance.now() - start > 280, 'it answered early')
      const waiting = wire.fetch(topic, 0, { waitMs: 10_000 })
      await pause(100)
      const sent = performance.now()
      await other.produce(topic, batchOf(['now']))
      assert.ok((await waiting).records.length > 0)
      assert.ok(performance.now() - sent < 2000, 'it answered late')
    }))

  test('a fetch waits for as many bytes as it says', () =>
    BrokerCase.run(world(), async each => {
      const { wire, topic } = each
      const other = await each.another()
      const waiting = wire.fetch(topic, 0, { waitMs: 10_000, bytesMin: 1000 })
      await other.produce(topic, batchOf(['small']))
      const first = await Promise.race([waiting, pause(300)])
      assert.is(first, undefined)
      await other.produce(topic, batchOf(['x'.repeat(1000)]))
      assert.ok((await waiting).records.length > 1000)
    }))

  test('offsets are found by time: the first record that is not older', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const base = Date.now() - 100_000
      const at = (value: string, timestamp: number) => ({
        key: null,
        value,
        timestamp: base + timestamp,
      })
      await wire.produce(topic, batchOf([at('a', 0), at('b', 10)]))
      await wire.produce(topic, batchOf([at('c', 5), at('d', 30)]))
      const find = (time: number) => offsetAt(wire, topic, base + time)
      assert.equal(await find(-5), `0 at ${base}`)
      assert.equal(await find(1), `1 at ${base + 10}`)
      assert.equal(await find(11), `3 at ${base + 30}`)
      assert.equal(await find(31), '-1 at -1')
      assert.equal(await offsetAt(wire, topic, -1), '4 at -1')
      assert.equal(await offsetAt(wire, topic, -2), '0 at -1')
    }))

  test('a topic with append times gives all records the time of the broker', () =>
    BrokerCase.run(
      world(),
      async ({ wire, topic }) => {
        const before = Date.now()
        const { appendTime } = await wire.produce(
          topic,
          batchOf([{ key: null, value: 'a', timestamp: 1000 }, 'b']),
        )
        assert.ok(appendTime >= before - 50 && appendTime <= Date.now() + 50)
        const reader = new RecordReader((await wire.fetch(topic, 0)).records)
        const times: number[] = []
        while (reader.next()) times.push(reader.timestamp)
        assert.equal(times, [appendTime, appendTime])
      },
      1,
      { 'message.timestamp.type': 'LogAppendTime' },
    ))

  test('deleted records are gone, and the log starts after them', () =>
    BrokerCase.run(world(), async each => {
      const { wire, topic } = each
      for (const value of ['a', 'b', 'c']) await wire.produce(topic, batchOf([value]))
      const admin = await each.admin()
      await admin.fetchTopicOffsets(topic) // kafkajs does not load what deleteTopicRecords needs
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
      assert.is((await wire.fetch(topic, 1)).error, 'OFFSET_OUT_OF_RANGE')
      assert.equal(await wire.seen(topic, 2), ['2:c'])
      assert.equal(await offsetAt(wire, topic, -2), '2 at -1')
    }))

  test('answers come in the order of the requests, also when the first has to wait', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const order: string[] = []
      const slow = wire.fetch(topic, 0, { waitMs: 200 }).then(() => order.push('slow'))
      const quick = wire.produce(topic, batchOf(['a'])).then(() => order.push('quick'))
      await Promise.all([slow, quick])
      assert.equal(order, ['slow', 'quick'])
    }))
}

export async function offsetAt(wire: Wire, topic: string, time: number): Promise<string> {
  const body = new Writer().int32(-1).int8(0)
  body.array([topic], () => body.string(topic).array([0], () => body.int32(0).int64(time)))
  const answer = await wire.request('ListOffsets', 3, body)
  answer.int32()
  const [found] = answer
    .array(one => {
      one.string()
      return one.array(each => {
        each.int32()
        const error = errorName(each.int16())
        const timestamp = each.int64()
        return error === 'NONE' ? `${each.int64()} at ${timestamp}` : error
      })
    })
    .flat()
  return found ?? 'nothing'
}

/** As lz4js compresses it, with a header that Kafka takes: it wants blocks that do not depend on each other. */
function lz4Frame(bytes: Buffer): Buffer {
  const header = Buffer.from('04224d18604082', 'hex')
  return Buffer.concat([header, lz4.compress(bytes).subarray(header.length)])
}

/** One frame with one raw block (RFC 8878): what no encoder is needed for. */
function zstdFrame(bytes: Buffer): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt32LE(bytes.length, 5) // a single segment, with its size in four bytes
  head.writeUIntLE(1 + bytes.length * 8, 9, 3) // the last block, raw
  return Buffer.concat([head, bytes])
}

function compressed(batch: Buffer, codec: number, compress: (bytes: Buffer) => Uint8Array): Buffer {
  const header = batch.subarray(0, 61)
  const whole = Buffer.concat([header, compress(batch.subarray(61))])
  whole.writeInt32BE(whole.length - 12, batchField.length)
  whole.writeInt16BE(codec & attribute.compression, batchField.attributes)
  whole.writeUInt32BE(batchChecksum(whole, 0, whole.length), batchField.crc)
  return whole
}
