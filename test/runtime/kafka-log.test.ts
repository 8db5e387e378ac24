import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deleteTopics } from '../../bench/delete-topics.ts'
import { startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { assert, suite } from '../harness.ts'

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

test.run()
