import { ProtocolError } from '../../protocol/error.ts'
import { Reader } from '../../protocol/reader.ts'
import { Writer } from '../../protocol/writer.ts'
import type { Broker } from '../../runtime/kafka-cluster.ts'
import type { Connection } from '../../runtime/kafka-exchange.ts'
import { fetch, produce } from '../../runtime/kafka-wire.ts'
import { assert, suite } from '../harness.ts'

const test = suite('fetch and produce on the wire')
const limits = { waitMsMax: 100, partitionBytesMax: 1000 }
const batch = Buffer.from('a batch')

test('a fetch asks for committed records of each partition, and reads batches as they are stored', async () => {
  const { broker, asked } = brokerAnswering(fetchAnswer())
  const wanted = [
    { partition: 3, next: 2 ** 40 },
    { partition: 0, next: 7 },
  ]
  assert.equal(await fetch(broker, 'événements', wanted, limits), [
    {
      partition: 3,
      errorCode: 0,
      lastStableOffset: 2 ** 40 + 9,
      start: 5,
      aborted: [{ producerId: 17, firstOffset: 2 ** 40 + 1 }],
      records: batch,
    },
    {
      partition: 0,
      errorCode: 1,
      lastStableOffset: -1,
      start: -1,
      aborted: [],
      records: Buffer.alloc(0),
    },
  ])
  const request = new Reader(asked())
  const head = [request.int32(), request.int32(), request.int32(), request.int32(), request.int8()]
  assert.equal(head, [-1, 100, 1, 32 * 1024 * 1024, 1])
  assert.equal([request.int32(), request.int32()], [0, -1])
  const topics = request.array(each => ({
    topic: each.string(),
    partitions: each.array(of => [of.int32(), of.int32(), of.int64(), of.int64(), of.int32()]),
  }))
  const partitions = [
    [3, -1, 2 ** 40, -1, 1000],
    [0, -1, 7, -1, 1000],
  ]
  assert.equal(topics, [{ topic: 'événements', partitions }])
  assert.equal([request.int32(), request.string(), request.remaining], [0, '', 0])
})

test('a produce sends each batch whole to its partition, and reads where it lies', async () => {
  const { broker, asked } = brokerAnswering(produceAnswer())
  const targets = [
    { topic: 'rows', partition: 2, batch },
    { topic: 'états', partition: 2, batch: Buffer.alloc(0) },
  ]
  assert.equal(await produce(broker, 'email-2', targets, 30_000), [
    { topic: 'rows', partition: 2, errorCode: 0, baseOffset: 2 ** 40 },
    { topic: 'états', partition: 2, errorCode: 6, baseOffset: -1 },
  ])
  const request = new Reader(asked())
  assert.equal([request.string(), request.int16(), request.int32()], ['email-2', -1, 30_000])
  const topics = request.array(each => [
    each.string(),
    each.array(of => [of.int32(), of.bytes().toString()]),
  ])
  assert.equal(topics, [
    ['rows', [[2, 'a batch']]],
    ['états', [[2, '']]],
  ])
  assert.is(request.remaining, 0)
})

test('an answer that is cut anywhere is an error, and never fewer records', async () => {
  const whole = { fetch: fetchAnswer(), produce: produceAnswer() }
  for (let length = 0; length < whole.fetch.length; length++) {
    const { broker } = brokerAnswering(whole.fetch.subarray(0, length))
    await truncated(`fetch, ${length} bytes`, fetch(broker, 't', [], limits))
  }
  const answered = whole.produce.length - 4 // the last thing in it is not of interest
  for (let length = 0; length < answered; length++) {
    const { broker } = brokerAnswering(whole.produce.subarray(0, length))
    await truncated(`produce, ${length} bytes`, produce(broker, null, [], 1))
  }
})

test.run()

async function truncated(what: string, answer: Promise<unknown>): Promise<void> {
  const found = await answer.catch((error: unknown) => error)
  assert.instance(found, ProtocolError, `${what}: ${JSON.stringify(found)}`)
}

/** A connection that keeps the request's body and answers with these bytes. */
function brokerAnswering(answer: Buffer): { broker: Broker; asked: () => Buffer } {
  let asked = Buffer.alloc(0)
  const connection: Connection = {
    clientId: 'Käfer',
    socket: {
      write(frame) {
        const reader = new Reader(Buffer.from(frame))
        assert.is(reader.int32(), frame.length - 4)
        reader.skip(4) // which API
        assert.equal([reader.int32(), reader.string()], [7, 'Käfer'])
        asked = Buffer.from(frame.subarray(frame.length - reader.remaining))
      },
    },
    requestQueue: {
      push({ entry, sendRequest }) {
        sendRequest()
        entry.resolve({ payload: answer })
      },
    },
    isAuthenticated: () => false,
    authenticate: () => Promise.reject(new Error('nobody asked for a login')),
    failIfNotConnected: () => undefined,
    nextCorrelationId: () => 7,
  }
  const connectionPool = {
    host: 'nowhere',
    port: 0,
    getConnectionByRequest: async () => connection,
  }
  return { broker: { connectionPool } as Partial<Broker> as Broker, asked: () => asked }
}

function fetchAnswer(): Buffer {
  const writer = new Writer().int32(0).int16(0).int32(0).int32(1).string('événements').int32(2)
  writer
    .int32(3)
    .int16(0)
    .int64(2 ** 40 + 10)
    .int64(2 ** 40 + 9)
    .int64(5)
  writer
    .int32(1)
    .int64(17)
    .int64(2 ** 40 + 1)
  writer.int32(-1).bytes(batch)
  writer.int32(0).int16(1).int64(-1).int64(-1).int64(-1)
  writer.int32(-1) // no list of aborted transactions
  return writer.int32(-1).bytes(null).finish()
}

function produceAnswer(): Buffer {
  const writer = new Writer().int32(2)
  writer
    .string('rows')
    .int32(1)
    .int32(2)
    .int16(0)
    .int64(2 ** 40)
    .int64(-1)
    .int64(0)
  writer.string('états').int32(1).int32(2).int16(6).int64(-1).int64(-1).int64(-1)
  return writer.int32(0).finish()
}
