import { errorName } from '../../protocol/error-codes.ts'
import { Writer } from '../../protocol/writer.ts'
import { assert, type Suite } from '../harness.ts'
import { BrokerCase, type BrokerWorld } from './broker-world.ts'
import { batchOf, type Producer, pause, unique, type Wire } from './wire.ts'

/** A transactional producer that says every step itself. */
class Transactional {
  readonly id: string
  readonly producer: Producer
  private readonly wire: Wire
  private sequence = 0

  private constructor(wire: Wire, id: string, producer: Producer) {
    this.wire = wire
    this.id = id
    this.producer = producer
  }

  static async open(wire: Wire, id = unique('tx'), timeoutMs = 30_000): Promise<Transactional> {
    const producer = await wire.initProducerId(id, timeoutMs)
    assert.is(producer.error, 'NONE')
    return new Transactional(wire, id, producer)
  }

  async send(topic: string, value: string, { add = true } = {}): Promise<string> {
    if (add) {
      const [error = 'nothing'] = await this.wire.addPartitions(this.id, this.producer, topic)
      if (error !== 'NONE') return error
    }
    const batch = batchOf([value], {
      ...this.producer,
      sequence: this.sequence,
      transactional: true,
    })
    const { error } = await this.wire.produce(topic, batch, { transactionalId: this.id })
    if (error === 'NONE') this.sequence++
    return error
  }

  end(type: 'commit' | 'abort'): Promise<string> {
    return this.wire.endTxn(this.id, this.producer, type)
  }

  async sendOffset(
    group: string,
    topic: string,
    offset: number,
    metadata: string,
  ): Promise<string> {
    const added = await this.wire.addOffsets(this.id, this.producer, group)
    if (added !== 'NONE') return added
    const body = new Writer()
      .string(this.id)
      .string(group)
      .int64(this.producer.producerId)
      .int16(this.producer.epoch)
    body.array([topic], () =>
      body.string(topic).array([0], () => body.int32(0).int64(offset).string(metadata)),
    )
    for (;;) {
      const answer = await this.wire.request('TxnOffsetCommit', 1, body)
      answer.int32()
      const [error = 'nothing'] = answer
        .array(one => {
          one.string()
          return one.array(each => {
            each.int32()
            return errorName(each.int16())
          })
        })
        .flat()
      if (!['CONCURRENT_TRANSACTIONS', 'COORDINATOR_LOAD_IN_PROGRESS'].includes(error)) return error
      await pause()
    }
  }
}

export function brokerTransactionCases(test: Suite, world: () => BrokerWorld): void {
  test('committed records are seen when the transaction has ended, and not before', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const one = await Transactional.open(wire)
      assert.is(await one.send(topic, 'a'), 'NONE')
      assert.equal(await wire.seen(topic), [])
      assert.equal(await wire.seen(topic, 0, false), ['0:a'])
      const open = await wire.fetch(topic, 0)
      assert.equal([open.stable, open.end], [0, 1])
      assert.is(await one.end('commit'), 'NONE')
      await settled(wire, topic, 2)
      assert.equal(await wire.seen(topic), ['0:a'])
      assert.is(await one.end('commit'), 'NONE')
      assert.is(await one.end('abort'), 'INVALID_TXN_STATE')
    }))

  test('aborted records are never seen by a reader of committed ones, also between committed ones', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const one = await Transactional.open(wire)
      for (const [value, end] of [
        ['a', 'commit'],
        ['b', 'abort'],
        ['c', 'commit'],
        ['d', 'abort'],
      ] as const) {
        assert.is(await one.send(topic, value), 'NONE')
        assert.is(await one.end(end), 'NONE')
      }
      await settled(wire, topic, 8)
      assert.equal(await wire.seen(topic), ['0:a', '4:c'])
      assert.equal(await wire.seen(topic, 0, false), ['0:a', '2:b', '4:c', '6:d'])
      const { aborted } = await wire.fetch(topic, 0)
      assert.equal(
        aborted.map(each => each.firstOffset),
        [2, 6],
      )
      assert.equal(
        (await wire.fetch(topic, 4)).aborted.map(each => each.firstOffset),
        [6],
      )
      assert.equal((await wire.fetch(topic, 0, { committed: false })).aborted, [])
    }))

  test('overlapping transactions of two producers: a reader waits for the first, and skips what was aborted', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const one = await Transactional.open(wire)
      const two = await Transactional.open(wire)
      await wire.produce(topic, batchOf(['plain']))
      await one.send(topic, 'one')
      await two.send(topic, 'two')
      assert.is(await two.end('abort'), 'NONE')
      await two.send(topic, 'two again')
      assert.is(await two.end('commit'), 'NONE')
      assert.equal(await wire.seen(topic), ['0:plain'])
      await one.send(topic, 'one more')
      assert.is(await one.end('abort'), 'NONE')
      await settled(wire, topic, 8)
      assert.equal(await wire.seen(topic), ['0:plain', '4:two again'])
    }))

  test('a new owner of a transactional id aborts what the old one had open, and shuts it out', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const old = await Transactional.open(wire)
      await old.send(topic, 'old')
      const fresh = await Transactional.open(wire, old.id)
      assert.is(fresh.producer.producerId, old.producer.producerId)
      assert.ok(fresh.producer.epoch > old.producer.epoch)
      await settled(wire, topic, 2)
      assert.is(await old.send(topic, 'zombie'), 'INVALID_PRODUCER_EPOCH')
      assert.is(await old.send(topic, 'zombie', { add: false }), 'INVALID_PRODUCER_EPOCH')
      assert.is(await old.end('commit'), 'INVALID_PRODUCER_EPOCH')
      assert.is(await fresh.send(topic, 'new'), 'NONE')
      assert.is(await fresh.end('commit'), 'NONE')
      await settled(wire, topic, 4)
      assert.equal(await wire.seen(topic), ['2:new'])
    }))

  test(
    'a transaction that is open for too long is aborted, and its producer shut out',
    () =>
      BrokerCase.run(world(), async ({ wire, topic }) => {
        const one = await Transactional.open(wire, unique('tx'), 1000)
        await one.send(topic, 'late')
        await settled(wire, topic, 2)
        assert.is(await one.end('commit'), 'INVALID_PRODUCER_EPOCH')
        assert.equal(await wire.seen(topic), [])
      }),
    { timeoutMs: 60_000 },
  )

  test('offsets sent in a transaction are there when it has committed, with their metadata', () =>
    BrokerCase.run(world(), async each => {
      const { wire, topic } = each
      const admin = await each.admin()
      const group = unique('group')
      const committed = async () => {
        const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
        const [partition] = found?.partitions ?? []
        return `${partition?.offset} ${partition?.metadata}`
      }
      const one = await Transactional.open(wire)
      assert.is(await one.sendOffset(group, topic, 5, 'five'), 'NONE')
      assert.is(await committed(), '-1 null')
      assert.is(await one.end('commit'), 'NONE')
      await until(async () => (await committed()) === '5 five')
      assert.is(await one.sendOffset(group, topic, 9, 'nine'), 'NONE')
      assert.is(await one.end('abort'), 'NONE')
      assert.is(
        await one.sendOffset(group, topic, 10, 'm'.repeat(5000)),
        'OFFSET_METADATA_TOO_LARGE',
      )
      assert.is(await one.end('abort'), 'NONE')
      assert.is(await committed(), '5 five')
    }))

  test('a partition that the coordinator was not told of takes no transactional records', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const one = await Transactional.open(wire)
      assert.is(await one.send(topic, 'x', { add: false }), 'INVALID_TXN_STATE')
      assert.is(await one.end('commit'), 'INVALID_TXN_STATE')
      const answers = await wire.addPartitions(one.id, one.producer, topic, [0, 5])
      // Kafka answers in the order of a hash map.
      assert.equal(answers.sort(), ['OPERATION_NOT_ATTEMPTED', 'UNKNOWN_TOPIC_OR_PARTITION'])
    }))

  test('who is unknown to the coordinator is told so', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const one = await Transactional.open(wire)
      const stranger = { producerId: one.producer.producerId + 1, epoch: 0 }
      assert.equal(await wire.addPartitions(one.id, stranger, topic), [
        'INVALID_PRODUCER_ID_MAPPING',
      ])
      assert.is(
        await wire.endTxn(unique('tx'), one.producer, 'commit'),
        'INVALID_PRODUCER_ID_MAPPING',
      )
      assert.is(
        (await wire.initProducerId(unique('tx'), 3_600_000)).error,
        'INVALID_TRANSACTION_TIMEOUT',
      )
    }))
}

/** Kafka writes markers after it has answered: until the log is this long and nothing is open. */
async function settled(wire: Wire, topic: string, end: number): Promise<void> {
  await until(async () => {
    const fetched = await wire.fetch(topic, 0)
    return fetched.end === end && fetched.stable === end
  })
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (await done()) return
    await pause(50)
  }
  throw new Error('it did not come about in 30 s')
}
