import { assert, type Suite } from '../harness.ts'
import { BrokerCase, type BrokerWorld } from './broker-world.ts'
import { batchOf } from './wire.ts'

/** Idempotent producers. */
export function brokerProducerCases(test: Suite, world: () => BrokerWorld): void {
  test('each producer id is given once', () =>
    BrokerCase.run(
      world(),
      async ({ wire }) => {
        const first = await wire.initProducerId(null)
        const second = await wire.initProducerId(null)
        assert.is(first.error, 'NONE')
        assert.is(first.epoch, 0)
        assert.is.not(first.producerId, second.producerId)
      },
      0,
    ))

  test('a batch that comes again is stored once, and answered with where it is', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const producer = await wire.initProducerId(null)
      const offsets: number[] = []
      for (let sequence = 0; sequence < 5; sequence++) {
        offsets.push(
          (await wire.produce(topic, batchOf([`v${sequence}`], { ...producer, sequence }))).offset,
        )
      }
      assert.equal(offsets, [0, 1, 2, 3, 4])
      for (let sequence = 0; sequence < 5; sequence++) {
        const again = await wire.produce(
          topic,
          batchOf([`v${sequence}`], { ...producer, sequence }),
        )
        assert.equal([again.error, again.offset], ['NONE', sequence])
      }
      assert.is((await wire.seen(topic)).length, 5)
    }))

  test('older batches than the last five, and batches after a gap, are out of order', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const producer = await wire.initProducerId(null)
      const send = (sequence: number) =>
        wire.produce(topic, batchOf(['v'], { ...producer, sequence }))
      for (let sequence = 0; sequence < 7; sequence++)
        assert.is((await send(sequence)).error, 'NONE')
      assert.is((await send(2)).error, 'NONE')
      assert.is((await send(1)).error, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
      assert.is((await send(9)).error, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
      assert.is((await send(7)).error, 'NONE')
      assert.is((await wire.seen(topic)).length, 8)
    }))

  test('a producer that nobody knows may begin anywhere', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const producer = await wire.initProducerId(null)
      assert.is(
        (await wire.produce(topic, batchOf(['v'], { ...producer, sequence: 40 }))).error,
        'NONE',
      )
    }))

  test("kafkajs's idempotent producer and its consumer agree on 2,000 records", () =>
    BrokerCase.run(
      world(),
      async each => {
        const producer = each.kafka.producer({ idempotent: true })
        await producer.connect()
        each.closing(() => producer.disconnect())
        const sent = Array.from({ length: 2000 }, (_, index) => `v${index}`)
        for (let at = 0; at < sent.length; at += 500) {
          const messages = sent
            .slice(at, at + 500)
            .map(value => ({ key: value, value, headers: { h: value } }))
          await producer.send({ topic: each.topic, messages })
        }
        const consumer = each.kafka.consumer({ groupId: `group-${each.topic}` })
        await consumer.connect()
        each.closing(() => consumer.disconnect())
        await consumer.subscribe({ topics: [each.topic], fromBeginning: true })
        const got: string[] = []
        await new Promise<void>((resolve, reject) => {
          consumer
            .run({
              eachBatch: async ({ batch }) => {
                for (const { value, headers } of batch.messages) {
                  if (String(headers?.h) !== String(value))
                    reject(new Error(`header ${headers?.h} of ${value}`))
                  got.push(String(value))
                }
                if (got.length >= sent.length) resolve()
              },
            })
            .catch(reject)
        })
        assert.equal(got.sort(), sent.sort())
      },
      3,
    ))
}
