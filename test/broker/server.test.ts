import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, type BrokerError, startBroker } from '../../broker/broker.ts'
import { Reader } from '../../protocol/reader.ts'
import { readBatchHeader } from '../../protocol/record-batch.ts'
import { Writer } from '../../protocol/writer.ts'
import { batchOf, pause, Wire } from '../conformance/wire.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('broker server')
const folder = mkdtempSync(join(tmpdir(), 'millrace-broker-'))
let broker: Broker

test.before(async () => {
  broker = await startBroker({ folder })
})
test.after(async () => {
  await broker.close()
  rmSync(folder, { recursive: true })
})

test('connections that promise 90 MB and send none of it take no memory and hold nobody up', async () => {
  const before = process.memoryUsage().rss
  const sockets = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = connect(broker.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write(new Writer().int32(90 * 1024 * 1024).finish())
      return socket
    }),
  )
  await pause(100)
  const wire = await Wire.open(broker.address)
  assert.ok((await wire.request('Metadata', 1, new Writer().int32(-1))).remaining > 0)
  assert.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024)
  wire.close()
  for (const socket of sockets) socket.destroy()
})

test('readers that ask for 50 MB each and take none of it share a bounded memory, and others still read', async () => {
  const wire = await Wire.open(broker.address)
  await wire.createTopic('much')
  const batch = batchOf([Buffer.alloc(1_000_000)].map(value => ({ key: null, value })))
  for (let sent = 0; sent < 50; sent++) await wire.produce('much', batch)
  const before = process.memoryUsage().rss
  const greedy = await Promise.all(Array.from({ length: 30 }, () => Wire.open(broker.address)))
  for (const each of greedy) {
    each.socket.pause()
    each.fetch('much', 0, { bytesMax: 50_000_000 }).catch(() => 'it is closed below')
  }
  await standingStill(() => process.memoryUsage().arrayBuffers)
  const { records } = await wire.fetch('much', 10, { bytesMax: 2_000_000 })
  assert.is(readBatchHeader(records, 0)?.baseOffset, 10)
  const grownMb = Math.round((process.memoryUsage().rss - before) / 2 ** 20)
  assert.ok(grownMb < 400, `${grownMb} MB more`)
  for (const each of greedy) each.close()
  await pause(200)
  const after = await wire.fetch('much', 0, { bytesMax: 10_000_000 })
  assert.ok(after.records.length > 9_000_000, 'what they held is free again')
  wire.close()
})

test('a request of 2 MB is taken in, byte by byte or whole', async () => {
  const wire = await Wire.open(broker.address)
  // A metadata request for a topic that nobody has, with a tail that is not read.
  const body = new Writer()
    .array(['missing'], (name, writer) => writer.string(name))
    .raw(Buffer.alloc(2 * 1024 * 1024))
  for (let round = 0; round < 3; round++)
    assert.ok((await wire.request('Metadata', 1, body)).remaining > 0)
  wire.close()
})

test('an unknown version of ApiVersions is answered in the oldest form, so that the client can step down', async () => {
  const socket = connect(broker.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(framed(new Writer().int16(18).int16(9).int32(5).string('x').tags()))
  const [bytes] = await once(socket, 'data')
  const answer = new Reader(bytes)
  answer.int32()
  assert.is(answer.int32(), 5)
  assert.is(answer.int16(), 35)
  assert.ok(answer.array(each => [each.int16(), each.int16(), each.int16()]).length > 20)
  socket.destroy()
})

test('a folder in use and a port in use are said in one line that names the remedy', async () => {
  const locked = await rejects(() => startBroker({ folder }), 'folder-locked')
  assert.match(locked.message, new RegExp(`process ${process.pid}.*give another folder`))
  const elsewhere = mkdtempSync(join(tmpdir(), 'millrace-broker-'))
  const busy = (await rejects(
    () => startBroker({ folder: elsewhere, port: broker.port }),
    'port-in-use',
  )) as BrokerError
  assert.match(busy.message, /in use.*another port/)
  const free = await startBroker({ folder: elsewhere })
  await free.close()
  rmSync(elsewhere, { recursive: true })
})

test('health counts what there is', async () => {
  const wire = await Wire.open(broker.address)
  await wire.request('Metadata', 1, new Writer().int32(-1))
  const { topics, connections, bytes } = broker.health()
  assert.is(topics, 1)
  assert.ok(bytes > 50_000_000)
  assert.ok(connections >= 1)
  wire.close()
})

/** Resolves when the number is the same again after half a second. */
async function standingStill(number: () => number): Promise<void> {
  for (let before = Number.NaN, tries = 0; number() !== before && tries < 40; tries++) {
    before = number()
    await pause(500)
  }
}

function framed(request: Writer): Buffer {
  return new Writer().bytes(request.finish()).finish()
}

test.run()
