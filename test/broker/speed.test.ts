import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { usageOf } from '../../bench/measured-process.ts'
import { readBatchHeader } from '../../protocol/record-batch.ts'
import { batchOf, Wire } from '../conformance/wire.ts'
import { assert, skip, suite } from '../harness.ts'
import { type BrokerProcess, spawnBroker } from './broker-process.ts'

/**
 * 100,000 records a second in and out with kafkajs, as what the broker's process pays for a record: a core has
 * 10 µs for each. kafkajs itself pays more than that on its side, and a busy machine would make a test of the
 * time it takes fail; `npm run bench -- broker` has both.
 */
const MICROS_MAX = 5
const test = suite('broker speed', { timeoutMs: 120_000 })
const PER_SEND = 400
const values = Array.from({ length: PER_SEND }, (_, index) => ({
  key: `user-${index}`,
  value: Buffer.alloc(100, 'x'),
}))
let folder: string
let broker: BrokerProcess

test.before(async () => {
  if (!existsSync('/proc/self/stat')) skip('the CPU time of a process is read from /proc')
  folder = mkdtempSync(join(tmpdir(), 'millrace-broker-'))
  broker = await spawnBroker(folder)
})
test.after(async () => {
  await broker?.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true })
})

test('a broker that has just started takes and gives 400,000 records in small change of a core', async () => {
  const records = 400_000
  const wire = await Wire.open(broker.address)
  await wire.createTopic('warm')
  const batch = batchOf(values)
  await costsLittle('in', records, async () => {
    for (let sent = 0; sent < records; sent += PER_SEND)
      assert.is((await wire.produce('warm', batch)).offset, sent)
  })
  await costsLittle('out', records, async () => {
    for (let next = 0; next < records; ) {
      const { records: bytes } = await wire.fetch('warm', next)
      let header = readBatchHeader(bytes, 0)
      assert.is(header?.baseOffset, next)
      while (header !== undefined) {
        next = header.lastOffset + 1
        header = readBatchHeader(bytes, header.position + header.byteLength)
      }
    }
  })
  wire.close()
})

test('kafkajs puts 40,000 records in and gets them out at a price that leaves room for 100,000 a second', async () => {
  const records = 40_000
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'events', numPartitions: 4 }] })
  await admin.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  await costsLittle('in', records, async () => {
    for (let sent = 0; sent < records; sent += PER_SEND)
      await producer.send({ topic: 'events', messages: values })
  })
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: 'readers' })
  await consumer.connect()
  await consumer.subscribe({ topics: ['events'], fromBeginning: true })
  await costsLittle('out', records, () => {
    let seen = 0
    return new Promise<void>((resolve, reject) => {
      const eachBatch = async ({ batch }: { batch: { messages: unknown[] } }) => {
        seen += batch.messages.length
        if (seen === records) resolve()
      }
      consumer.run({ eachBatch }).catch(reject)
    })
  })
  await consumer.disconnect()
})

async function costsLittle(way: string, records: number, work: () => Promise<void>): Promise<void> {
  const cpuSeconds = () => usageOf(broker.process.pid ?? 0)?.cpuSeconds ?? Number.NaN
  const before = cpuSeconds()
  await work()
  const micros = ((cpuSeconds() - before) * 1e6) / records
  if (process.env.MILLRACE_TIMES !== undefined) console.log(`${way}: ${micros.toFixed(2)} µs`)
  assert.ok(micros < MICROS_MAX, `${way}: ${micros} µs of CPU a record, ${MICROS_MAX} are allowed`)
}

test.run()
