import { partitionFor } from '../../protocol/murmur2.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Log } from '../../runtime/log.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, suite } from '../harness.ts'
import { openTestSink, recordsOf, withFolder } from './sink-world.ts'

const test = suite('sink')
const broker = new BrokerUnderTest()
let log: Log
let topics = 0
const newTopic = () => `sink-test-${process.pid}-${topics++}`

test.before(async () => {
  await broker.start()
  log = openKafkaLog({ brokers: broker.address, clientId: 'sink-test', clock: systemClock })
})

test.after(async () => {
  await log.close()
  await broker.stop()
})

test('what was put is on the topic: in the partition of its key as Java chooses it, in order, as it was', () =>
  withFolder(async folder => {
    const topic = newTopic()
    const sink = await openTestSink(log, topic, folder)
    const keys = Array.from({ length: 40 }, (_, index) => `user-${index}-é`)
    const rounds = 25
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        keys.map(key =>
          sink.put([
            { topic, key, value: Buffer.from(String(round)), headers: [['source', 'test']] },
          ]),
        ),
      )
    }
    await sink.close()
    const found = await recordsOf(log, topic)
    assert.is(found.length, keys.length * rounds)
    for (const key of keys) {
      const own = found.filter(record => record.key === key)
      assert.equal(
        own.map(({ value }) => Number(value)),
        Array.from({ length: rounds }, (_, round) => round),
      )
      assert.is(own[0]?.partition, partitionFor(Buffer.from(key), 4))
      assert.equal(own[0]?.headers, [['source', 'test']])
    }
  }))

test('a record without a value deletes its key, and one without a key goes anywhere', () =>
  withFolder(async folder => {
    const topic = newTopic()
    const sink = await openTestSink(log, topic, folder)
    await sink.put([
      { topic, key: 'gone', value: null },
      { topic, key: null, value: Buffer.from('anywhere') },
    ])
    await sink.put([])
    await sink.close()
    const found = (await recordsOf(log, topic)).map(({ key, value }) => ({ key, value }))
    assert.is(found.length, 2)
    assert.ok(found.some(({ key, value }) => key === 'gone' && value === null))
    assert.ok(found.some(({ key, value }) => key === null && value === 'anywhere'))
  }))

test.run()
