import { randomUUID } from 'node:crypto'
import type { Job } from '../../jobs/job.ts'
import { systemClock } from '../../runtime/clock.ts'
import { checkPartitions, inputSpec, prepareTopics } from '../../runtime/job-topics.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Log, TopicSpec } from '../../runtime/log.ts'
import { brokersGiven, forgetJob } from '../broker-under-test.ts'
import { assert, rejects, suite } from '../harness.ts'
import { FaultPlan } from '../simulator/faults.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { SimCluster } from '../simulator/sim-cluster.ts'
import { simJob } from '../simulator/sim-job.ts'

/** On BROKERS where it is set, else on the simulated log. */
const test = suite('the topics of a job')
const day = 24 * 3_600_000
/** Topics of the tests before may be there still: each test has a job with a name of its own. */
let job: Job
let log: Log
let end: () => void
let warnings: string[] = []

test.before.each(() => {
  const name = `topics-${randomUUID().slice(0, 8)}`
  job = { ...simJob({ idle: 'hold' }), name, input: `${name}-events` } as Job
  warnings = []
  if (brokersGiven !== '') {
    log = openKafkaLog({ brokers: brokersGiven, clientId: name, clock: systemClock })
    end = () => undefined
    return
  }
  const random = new Random('job topics')
  const scheduler = new Scheduler(random.fork('scheduler'), Date.UTC(2026, 0, 1))
  const plan = new FaultPlan(random.fork('plan'), {})
  const cluster = new SimCluster({ scheduler, random, plan })
  end = scheduler.runInBackground(error => {
    throw error
  })
  log = cluster.open('tool').log
})
test.after.each(async () => {
  await log.close()
  await forgetJob(brokersGiven, job.name, job.input)
  end()
})

const prepare = () => prepareTopics(log, job, 1, message => warnings.push(message))
const input = (changes: Partial<TopicSpec> = {}) => ({
  ...inputSpec(job.input, 3, 1),
  ...changes,
})
const spec = (output: string, config: TopicSpec['config'], partitions = 3): TopicSpec => ({
  topic: `${job.name}.${output}`,
  partitions,
  replication: 1,
  config,
})
const compact = { 'cleanup.policy': 'compact', 'delete.retention.ms': String(7 * day) }

test('are made beside the input, with its number of partitions, and compacted where states lie', async () => {
  await log.topics.create([input()])
  assert.is(await prepare(), 3)
  for (const [topic, policy] of [
    ['features', 'compact'],
    ['changelog', 'compact'],
    ['triggers', 'delete'],
    ['late', 'delete'],
    ['dead', 'delete'],
  ] as const) {
    const made = await log.topics.describe(`${job.name}.${topic}`)
    assert.equal([made?.partitions, made?.config['cleanup.policy']], [3, policy], topic)
    const [setting, ms] =
      policy === 'delete' ? ['segment.ms', day] : ['max.compaction.lag.ms', 7 * day]
    assert.is(
      made?.config[setting],
      String(ms),
      `${topic}: what it holds has left by a stated time`,
    )
  }
  assert.is(await prepare(), 3, 'a second time')
  assert.equal(warnings, [])
})

test('an input that is missing is refused with the remedy', async () => {
  await rejects(
    prepare,
    /topic \S+-events, the input of job topics-\w+, does not exist: .*--create-input/,
  )
})

test('a job that rekeys has a topic for it, and refuses a target that is missing or compacted', async () => {
  const target = `${job.name}-target`
  job = { ...job, rekeys: [target] }
  await log.topics.create([input()])
  await rejects(prepare, /topic \S+-target, to which job \S+ rekeys, does not exist: start the job/)
  await log.topics.create([{ ...input(), topic: target }])
  await prepare()
  assert.is((await log.topics.describe(`${job.name}.rekeyed`))?.partitions, 3)
  const compacted = `${job.name}-compacted`
  await log.topics.create([
    { ...input({ config: { 'cleanup.policy': 'compact' } }), topic: compacted },
  ])
  job = { ...job, rekeys: [compacted] }
  await rejects(prepare, /topic \S+-compacted, to which job \S+ rekeys, is compacted/)
})

test('an input that is compacted is refused', async () => {
  await log.topics.create([input({ config: { 'cleanup.policy': 'compact,delete' } })])
  await rejects(prepare, /topic \S+-events is compacted.*set its cleanup.policy to delete/)
})

test('an input whose times are its producers’ is warned of', async () => {
  const config = { 'cleanup.policy': 'delete', 'message.timestamp.type': 'CreateTime' }
  await log.topics.create([input({ config })])
  await prepare()
  assert.match(warnings.join(), /-events has CreateTime.*LogAppendTime/)
})

test('an output with another number of partitions is refused, with both numbers', async () => {
  await log.topics.create([input(), spec('late', { 'cleanup.policy': 'delete' }, 2)])
  await rejects(prepare, /topic \S+\.late has 2 partitions, the input \S+-events has 3.*new name/)
  await rejects(() => checkPartitions(log, job), /\.late has 2 partitions/)
})

test('a changelog or features that would lose states are refused', async () => {
  await log.topics.create([input(), spec('changelog', { 'cleanup.policy': 'delete' })])
  await rejects(prepare, /topic \S+\.changelog has cleanup.policy delete.*set it to compact/)
})

test('tombstones that are kept for less than seven days are refused', async () => {
  const short = { ...compact, 'delete.retention.ms': String(day) }
  await log.topics.create([input(), spec('features', short)])
  await rejects(prepare, /\.features has delete.retention.ms 86400000.*Set it to 604800000/)
})

test.run()
