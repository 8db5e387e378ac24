import kafkajs from 'kafkajs'
import { assert, rejects } from '../harness.ts'
import { JobWorld } from './job-world.ts'
import type { Cases } from './together.ts'

/** What a job refuses to go on with, each with the remedy. */
export const refusalCases = (broker: () => string): Cases => ({
  'another number of partitions': () =>
    afterTen(broker(), 'partitions', async (world, admin) => {
      await admin.createPartitions({ topicPartitions: [{ topic: world.input, count: 2 }] })
      await rejects(
        () => world.start(),
        /\.\w+ has 1 partitions, the input .* has 2: .*Give the job a new name/,
      )
      const topics = ['features', 'changelog', 'triggers', 'late', 'dead', 'erased']
      await admin.createPartitions({
        topicPartitions: topics.map(each => ({ topic: `${world.name}.${each}`, count: 2 })),
      })
      await refused(
        world,
        /committed with 1 partitions, its topics have 2.*Give the job a new name/,
      )
    }),

  'records that are gone, until a person accepts their loss': () =>
    afterTen(broker(), 'loss', async (world, admin) => {
      const events = world.some(20)
      await world.send(...events)
      await admin.fetchTopicOffsets(world.input) // else kafkajs knows no leader
      await admin.deleteTopicRecords({
        topic: world.input,
        partitions: [{ partition: 0, offset: '25' }],
      })
      await refused(
        world,
        /15 records are lost .*go on at 10, .*now starts at 25 \(ends at 30\).*--accept-loss/,
      )
      await world.start({ acceptLoss: true })
      await world.settled()
      const counted = [...(await world.totals()).values()].reduce(
        (sum, { events: n }) => sum + n,
        0,
      )
      assert.is(counted, 10 + 5)
    }),

  'an input that was made anew, until its era is raised; then the states go on': () =>
    afterTen(broker(), 'era', async (world, admin) => {
      await admin.deleteTopics({ topics: [world.input] })
      await world.makeInput()
      await refused(world, /go on at 10, but partition 0 .*has offsets 0 to 0.*--era 1/)
      await world.send(...world.some(30))
      await refused(world, /was made anew: record 9 of partition 0 was appended at .*--era 1/)
      const raised = await world.start({ era: 1 })
      await world.settled()
      await world.assertExact()
      await world.stop(raised)
      await refused(world, /is in era 1, this process was started with era 0.*--era 1/)
      await world.start({ era: 1 })
      await world.send(...world.some(5))
      await world.settled()
      await world.assertExact()
    }),

  'an offset that somebody moved; without any, the newest marker stands in for it': () =>
    afterTen(broker(), 'moved', async (world, admin) => {
      const groupId = `${world.name}.commits`
      await admin.setOffsets({
        groupId,
        topic: world.input,
        partitions: [{ partition: 0, offset: '3' }],
      })
      await refused(
        world,
        /committed offset 3 .*does not carry Millrace's metadata.*Delete the group/,
      )
      await admin.deleteGroups([groupId])
      await world.send(...world.some(10))
      const job = await world.start()
      await world.settled()
      await world.assertExact()
      await world.stop(job)
    }),

  'a changelog that forgets, and one that was made anew': () =>
    afterTen(broker(), 'changelog', async (world, admin) => {
      const topic = `${world.name}.changelog`
      const policy = (value: string) =>
        admin.alterConfigs({
          validateOnly: false,
          resources: [
            {
              type: kafkajs.ConfigResourceTypes.TOPIC,
              name: topic,
              configEntries: [{ name: 'cleanup.policy', value }],
            },
          ],
        })
      await policy('delete')
      await rejects(() => world.start(), /changelog has cleanup.policy delete.*set it to compact/)
      await admin.deleteTopics({ topics: [topic] })
      await refused(world, /changelog of .* ends at 0, .*marker at \d+.*Give the job a new name/)
    }),

  'an input that does not exist, or that is compacted': () =>
    afterTen(broker(), 'input', async (world, admin) => {
      await admin.deleteTopics({ topics: [world.input] })
      await rejects(() => world.start(), /does not exist: create it, or start with --create-input/)
      await admin.createTopics({
        topics: [
          { topic: world.input, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] },
        ],
      })
      await rejects(() => world.start(), /is compacted, .*set its cleanup.policy to delete/)
    }),
})

/** A job of one partition that has counted ten events and left in order. */
async function afterTen(
  broker: string,
  name: string,
  body: (world: JobWorld, admin: kafkajs.Admin) => Promise<void>,
): Promise<void> {
  const kafka = new kafkajs.Kafka({
    brokers: [broker],
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = kafka.admin() // kafkajs asks for the topics of before again, also when they are deleted
  await admin.connect()
  const world = await JobWorld.open(broker, name, { partitions: 1 })
  try {
    const job = await world.start()
    await world.send(...world.some(10))
    await world.settled()
    await world.stop(job)
    await body(world, admin)
  } finally {
    await admin.disconnect()
    await world.close()
  }
}

/** Starts it, and expects its only task to be refused with this reason. */
async function refused(world: JobWorld, reason: RegExp, options = {}): Promise<void> {
  const job = await world.start(options)
  const told = () => job.notReady().join('\n')
  await world.until(() => /is refused/.test(told()), 'the task is refused')
  assert.match(told(), reason)
  assert.match(world.logged.join('\n'), reason)
  assert.equal(world.fatal, [])
  await world.stop(job)
}
