import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { type Log, nextOffset, type TopicSpec } from '../../runtime/log.ts'
import { assert, suite } from '../harness.ts'
import { JobWorld } from './job-world.ts'
import { together } from './together.ts'

const test = suite('a topic made anew under a live job', { timeoutMs: 150_000 })
let folder = ''
let broker: Broker

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-anew-'))
  broker = await startBroker({ folder })
})
test.after(async () => {
  await broker.close()
  await rm(folder, { recursive: true, force: true })
})

together(test, {
  'an input that has grown past the place to go on at is refused, and nothing of it is taken': () =>
    atWork('input', async (world, job, admin) => {
      await admin.deleteTopics({ topics: [world.input] })
      await world.makeInput()
      await world.sendRecords(records(60))
      await world.until(() => refused(job) !== '', 'the task is refused')
      assert.match(refused(job), /topic \S+ was made anew: record 29 .*start with --era 1/)
      assert.equal(world.fatal, [])
      await world.assertExact()
    }),

  'a changelog that is smaller than it was ends no commit': () =>
    atWork('changelog', async (world, job, admin) => {
      const [before] = await world.committed()
      const topic = `${world.name}.changelog`
      await admin.deleteTopics({ topics: [topic] })
      const config = { 'cleanup.policy': 'compact', 'delete.retention.ms': '604800000' }
      await world.log.topics.create([{ topic, partitions: 1, replication: 1, config }])
      await world.send(...world.some(10))
      await world.until(() => refused(job) !== '', 'the task is refused')
      assert.match(refused(job), /its last one lies at \d+: the changelog was made anew/)
      assert.equal(await world.committed(), [before])
    }),
})
test('a reader tells of a partition that was unknown for a moment, before it reads on', async () => {
  const log = openKafkaLog({ brokers: broker.address, clientId: 'anew', clock: systemClock })
  const producer = log.producer()
  const spec = { topic: 'short-lived', partitions: 1, replication: 1, config: {} }
  const some = [{ topic: spec.topic, partition: 0, records: [{ key: 'a', value: 'b' }] }]
  const told: string[] = []
  const reader = log.reader({
    ...{ topic: spec.topic, waitMsMax: 100, partitionBytesMax: 1000 },
    onKnownAgain: partition => told.push(`known again: ${partition}`),
  })
  try {
    await log.topics.create([spec])
    await producer.send(some)
    reader.seek(0, nextOffset(0))
    let anew: Promise<void> | undefined
    const deadline = systemClock.elapsed() + 60_000
    while (told.length < 2 && systemClock.elapsed() < deadline) {
      for (const fetched of await reader.poll()) {
        if (fetched.kind !== 'batch' || fetched.records.length === 0) continue
        told.push(`${fetched.fetched} to ${fetched.next}`)
        anew ??= makeAnew(log, spec, async () => {
          for (let count = 0; count < 2; count++) await producer.send(some)
        })
      }
    }
    await anew
    assert.equal(told, ['0 to 1', 'known again: 0'])
  } finally {
    await Promise.all([reader.close(), producer.close()])
    await log.close()
  }
})

test.run()

async function makeAnew(log: Log, spec: TopicSpec, fill: () => Promise<void>): Promise<void> {
  const logLevel = kafkajs.logLevel.NOTHING
  const admin = new kafkajs.Kafka({ brokers: [broker.address], logLevel }).admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [spec.topic] })
  await systemClock.sleep(300) // longer than a long poll
  await log.topics.create([spec])
  await fill()
  await admin.disconnect()
}

type Job = Awaited<ReturnType<JobWorld['start']>>

const refused = (job: Job) => job.notReady().find(told => /is refused/.test(told)) ?? ''

/** Thirty events are counted, and the job goes on. */
async function atWork(
  name: string,
  body: (world: JobWorld, job: Job, admin: kafkajs.Admin) => Promise<void>,
): Promise<void> {
  const logLevel = kafkajs.logLevel.NOTHING
  const admin = new kafkajs.Kafka({ brokers: [broker.address], logLevel }).admin()
  await admin.connect()
  const world = await JobWorld.open(broker.address, name, { partitions: 1 })
  try {
    const job = await world.start()
    await world.send(...world.some(30))
    await world.settled()
    await body(world, job, admin)
  } finally {
    await admin.disconnect()
    await world.close()
  }
}

const records = (count: number) =>
  Array.from({ length: count }, (_, at) => {
    const event = { messageId: `anew-${at}`, event: 'Bought', userId: 'ann', timestamp: Date.now() }
    return { user: 'ann', record: { key: 'ann', value: JSON.stringify(event) } }
  })
