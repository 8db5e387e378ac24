import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deleteTopics } from '../../bench/delete-topics.ts'
import { startBroker } from '../../broker/broker.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { assert, suite } from '../harness.ts'
import { startProxy } from '../proxy.ts'

const test = suite('kafka log')

test('a topic deleted by others does not spoil the questions about those that are left', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-log-'))
  const broker = await startBroker({ folder, port: 0 })
  const log = openKafkaLog({ brokers: broker.address, clientId: 'test', clock: systemClock })
  try {
    const spec = { partitions: 1, replication: 1, config: {} }
    await log.topics.create(['gone', 'left'].map(topic => ({ topic, ...spec })))
    assert.is((await log.topics.ranges('gone')).length, 1)
    await deleteTopics(broker.address, ['gone'])
    assert.is((await log.topics.ranges('left')).length, 1)
  } finally {
    await log.close()
    await broker.close()
    await rm(folder, { recursive: true })
  }
})

test('a broker that has written a batch and tells of trouble is given it again, and has it once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-log-'))
  const broker = await startBroker({ folder, port: 0 })
  const proxy = await startProxy(broker.address)
  const log = openKafkaLog({ brokers: proxy.address, clientId: 'test', clock: systemClock })
  const producer = log.producer()
  try {
    await log.topics.create([{ topic: 'in', partitions: 1, replication: 1, config: {} }])
    const send = (value: string) =>
      producer.send([{ topic: 'in', partition: 0, records: [{ key: null, value }] }])
    assert.equal(await send('first'), [0])
    const { REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS_AFTER_APPEND, LEADER_NOT_AVAILABLE } = errorCodes
    const codes = [REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS_AFTER_APPEND, LEADER_NOT_AVAILABLE]
    for (const [index, produceError] of codes.entries()) {
      const met = proxy.once('Produce', { produceError })
      assert.equal(await send('again'), [index + 1])
      await met
    }
    assert.equal(await log.topics.ranges('in'), [{ start: 0, end: codes.length + 1 }])
  } finally {
    await producer.close()
    await log.close()
    await proxy.close()
    await broker.close()
    await rm(folder, { recursive: true })
  }
})

test.run()
