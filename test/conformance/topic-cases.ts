import { nextOffset } from '../../runtime/log.ts'
import { assert, rejects } from '../harness.ts'
import type { Declare } from './log-cases.ts'
import { of, unique } from './log-world.ts'

/** Topics, and what a plain producer writes to them. */
export function topicCases(declare: Declare): void {
  declare('a topic that does not exist has no description', async ({ log }) => {
    assert.is(await log.topics.describe(unique('absent')), undefined)
  })

  declare('a topic is described as it was created', async ({ log }) => {
    const topic = unique('log')
    const config = { 'cleanup.policy': 'compact', 'delete.retention.ms': '604800000' }
    await log.topics.create([{ topic, partitions: 3, replication: 1, config }])
    const described = await log.topics.describe(topic)
    assert.is(described?.topic, topic)
    assert.is(described?.partitions, 3)
    assert.is(described?.config['cleanup.policy'], 'compact')
    assert.is(described?.config['delete.retention.ms'], '604800000')
  })

  declare('a topic is among the names of all', async ({ log, topic }) => {
    const names = await log.topics.names()
    assert.ok(names.includes(topic))
    assert.not(names.includes(unique('absent')))
  })

  declare('creating a topic that exists leaves it as it is', async ({ log, topic }) => {
    const other = unique('log')
    const config = { 'cleanup.policy': 'compact' }
    await log.topics.create([
      { topic, partitions: 5, replication: 1, config },
      { topic: other, partitions: 1, replication: 1, config },
    ])
    const described = await log.topics.describe(topic)
    assert.is(described?.partitions, 2)
    assert.is(described?.config['cleanup.policy'], 'delete')
    assert.is((await log.topics.describe(other))?.partitions, 1)
  })

  declare('the ranges of a new topic are empty', async ({ log, topic }) => {
    const empty = { start: nextOffset(0), end: nextOffset(0) }
    assert.equal(await log.topics.ranges(topic), [empty, empty])
  })

  declare('the ranges of an unknown topic are refused as unknown-topic', async ({ log }) => {
    await rejects(() => log.topics.ranges(unique('absent')), 'unknown-topic')
  })

  declare('ranges come in order of partition and grow with each record', async each => {
    await each.produce(['a', 'b', 'c'], 1)
    await each.produce(['d'], 0)
    const ranges = await each.log.topics.ranges(each.topic)
    const start = nextOffset(0)
    assert.equal(ranges, [
      { start, end: nextOffset(1) },
      { start, end: nextOffset(3) },
    ])
  })

  declare('a producer is told the first offset of each append', async each => {
    const { topic } = each
    const producer = each.closing(each.log.producer())
    const first = [of('a'), of('b')]
    assert.equal(await producer.send([{ topic, partition: 0, records: first }]), [0])
    const both = [
      { topic, partition: 1, records: [of('c')] },
      { topic, partition: 0, records: [of('d'), of('e')] },
    ]
    assert.equal(await producer.send(both), [0, 2])
    assert.equal(await each.values(4), ['a', 'b', 'd', 'e'])
    assert.equal(await each.values(1, 0, 1), ['c'])
  })

  declare('sends that are not awaited arrive whole and in order', async each => {
    const { topic } = each
    const producer = each.closing(each.log.producer())
    const sent = Array.from({ length: 30 }, (_, n) =>
      producer.send([{ topic, partition: 0, records: [of(`${n}.0`), of(`${n}.1`)] }]),
    )
    const offsets = await Promise.all(sent)
    assert.equal(
      offsets.flat(),
      sent.map((_, n) => 2 * n),
    )
    const expected = sent.flatMap((_, n) => [`${n}.0`, `${n}.1`])
    assert.equal(await each.values(60), expected)
  })

  declare('keys, values and headers come back as they were sent', async each => {
    const { topic } = each
    const producer = each.closing(each.log.producer())
    const records = [
      {
        key: 'köy',
        value: 'välue',
        headers: [
          ['n', 'v'],
          ['n', 'w'],
        ] as const,
      },
      { key: Buffer.from('bytes'), value: null },
      { key: null, value: '' },
    ]
    await producer.send([{ topic, partition: 0, records }])
    assert.equal(await each.read(3), [
      {
        offset: 0,
        key: 'köy',
        value: 'välue',
        headers: [
          ['n', 'v'],
          ['n', 'w'],
        ],
      },
      { offset: 1, key: 'bytes', value: null, headers: [] },
      { offset: 2, key: null, value: '', headers: [] },
    ])
  })
}
