import type { KafkaJSProtocolError } from 'kafkajs'
import { partitionFor } from '../../protocol/murmur2.ts'
import { assert, type Suite } from '../harness.ts'
import { BrokerCase, type BrokerWorld } from './broker-world.ts'
import { batchOf, unique } from './wire.ts'

const TOPIC = 2

export function brokerTopicCases(test: Suite, world: () => BrokerWorld): void {
  test('a topic has the partitions and the configuration it was created with', () =>
    BrokerCase.run(
      world(),
      async ({ topic, ...each }) => {
        const admin = each.kafka.admin()
        await admin.connect()
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
        assert.equal(topics[0]?.partitions.map(one => one.partitionId).sort(), [0, 1, 2])
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: TOPIC, name: topic }],
        })
        const entries = new Map(
          resources[0]?.configEntries.map(one => [one.configName, one.configValue]),
        )
        assert.is(entries.get('cleanup.policy'), 'compact')
        assert.is(entries.get('message.timestamp.type'), 'LogAppendTime')
        assert.is(entries.get('retention.ms'), '604800000')
        assert.is(entries.get('delete.retention.ms'), '86400000')
        assert.is(entries.get('max.message.bytes'), '1048588')
        await admin.disconnect()
      },
      3,
      { 'cleanup.policy': 'compact', 'message.timestamp.type': 'LogAppendTime' },
    ))

  test('a topic that is there, a bad name, a bad number and a bad configuration are refused', () =>
    BrokerCase.run(world(), async each => {
      const admin = await each.admin()
      const create = (topic: string, numPartitions: number, config: Record<string, string> = {}) =>
        admin
          .createTopics({
            topics: [
              {
                topic,
                numPartitions,
                replicationFactor: 1,
                configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
              },
            ],
          })
          .then(String, innerType)
      assert.is(await create(each.topic, 1), 'false')
      assert.is(await create('no/slash', 1), 'INVALID_TOPIC_EXCEPTION')
      assert.is(await create(unique('bad'), 0), 'INVALID_PARTITIONS')
      assert.is(await create(unique('bad'), 1, { 'cleanup.policy': 'shred' }), 'INVALID_CONFIG')
      assert.is(await create(unique('bad'), 1, { 'no.such.thing': '1' }), 'INVALID_CONFIG')
      assert.is(await create(unique('bad'), 1, { 'segment.bytes': '100' }), 'INVALID_CONFIG')
    }))

  test('a topic can get more partitions, but not fewer', () =>
    BrokerCase.run(world(), async each => {
      const admin = await each.admin()
      await admin.createPartitions({ topicPartitions: [{ topic: each.topic, count: 3 }] })
      const { topics } = await admin.fetchTopicMetadata({ topics: [each.topic] })
      assert.is(topics[0]?.partitions.length, 3)
      const fewer = await admin
        .createPartitions({ topicPartitions: [{ topic: each.topic, count: 2 }] })
        .catch(innerType)
      assert.is(fewer, 'INVALID_PARTITIONS')
    }))

  test('a deleted topic is unknown, and one made anew under its name begins empty', () =>
    BrokerCase.run(world(), async each => {
      const admin = await each.admin()
      await each.wire.produce(each.topic, batchOf(['old']))
      await admin.deleteTopics({ topics: [each.topic] })
      await until(
        async () => (await each.wire.fetch(each.topic, 0)).error === 'UNKNOWN_TOPIC_OR_PARTITION',
      )
      assert.is(
        (await each.wire.produce(each.topic, batchOf(['x']))).error,
        'UNKNOWN_TOPIC_OR_PARTITION',
      )
      await each.createTopic(each.topic, 1)
      await until(async () => (await each.wire.fetch(each.topic, 0)).error === 'NONE')
      assert.equal(await each.wire.seen(each.topic), [])
    }))

  test('nothing creates a topic but a request to create it', () =>
    BrokerCase.run(
      world(),
      async each => {
        const producer = each.kafka.producer({
          allowAutoTopicCreation: true,
          retry: { retries: 1 },
        })
        await producer.connect()
        each.closing(() => producer.disconnect())
        await producer
          .send({ topic: each.topic, messages: [{ value: 'x' }] })
          .catch(() => 'refused')
        const admin = await each.admin()
        assert.not((await admin.listTopics()).includes(each.topic))
      },
      0,
    ))

  test('a configuration can be altered, and what is not said again falls back', () =>
    BrokerCase.run(
      world(),
      async each => {
        const admin = await each.admin()
        const alter = (configEntries: { name: string; value: string }[]) =>
          admin.alterConfigs({
            validateOnly: false,
            resources: [{ type: TOPIC, name: each.topic, configEntries }],
          })
        await alter([{ name: 'max.message.bytes', value: '200' }])
        await until(
          async () =>
            (await each.wire.produce(each.topic, batchOf(['x'.repeat(300)]))).error ===
            'MESSAGE_TOO_LARGE',
        )
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [
            { type: TOPIC, name: each.topic, configNames: ['retention.ms', 'max.message.bytes'] },
          ],
        })
        const values = resources[0]?.configEntries
          .map(one => `${one.configName}=${one.configValue}`)
          .sort()
        assert.equal(values, ['max.message.bytes=200', 'retention.ms=604800000'])
      },
      1,
      { 'retention.ms': '1000000' },
    ))

  test("kafkajs's producer puts a key where murmur2 says", () =>
    BrokerCase.run(
      world(),
      async each => {
        const producer = each.kafka.producer({ idempotent: true })
        await producer.connect()
        each.closing(() => producer.disconnect())
        const keys = Array.from({ length: 20 }, (_, index) => `user-${index}`)
        await producer.send({ topic: each.topic, messages: keys.map(key => ({ key, value: key })) })
        const placed: string[] = []
        for (const partition of [0, 1, 2, 3]) {
          for (const one of await each.wire.seen(each.topic, 0, true, partition))
            placed.push(`${one.split(':')[1]}@${partition}`)
        }
        const expected = keys.map(key => `${key}@${partitionFor(Buffer.from(key), 4)}`)
        assert.equal(placed.sort(), expected.sort())
      },
      4,
    ))
}

/** The protocol's name of what an admin call was refused with. */
function innerType(error: Error & { errors?: KafkaJSProtocolError[]; type?: string }): string {
  return error.errors?.[0]?.type ?? error.type ?? String(error)
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await done()) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error('it did not come about in 10 s')
}
