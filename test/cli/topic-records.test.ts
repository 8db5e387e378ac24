import { topicRecords } from '../../cli/topic-records.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { assert, rejects, suite } from '../harness.ts'
import { FaultPlan } from '../simulator/faults.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { SimCluster } from '../simulator/sim-cluster.ts'

const test = suite('records of a topic')
let log: Log
let clock: Clock
let end: () => void

test.before.each(async () => {
  const random = new Random('topic-records')
  const scheduler = new Scheduler(random.fork('scheduler'), Date.UTC(2026, 0, 1))
  const cluster = new SimCluster({
    scheduler,
    random,
    plan: new FaultPlan(random.fork('plan'), {}),
  })
  end = scheduler.runInBackground(error => {
    throw error
  })
  const opened = cluster.open('reader')
  log = opened.log
  clock = opened.clock
  await log.topics.create([{ topic: 'out', partitions: 3, replication: 1, config: {} }])
})
test.after.each(() => end())

test('an empty topic has none, and one that does not exist is an error', async () => {
  assert.equal(await values(), [])
  await rejects(() => values('absent'), 'unknown-topic')
})

test('all partitions are read to their ends, in order, tombstones and headers included', async () => {
  const producer = log.producer()
  for (let n = 0; n < 50; n++) {
    const records = [
      { key: `k${n}`, value: n === 7 ? null : String(n), headers: [['n', `${n}`]] as const },
    ]
    await producer.send([{ topic: 'out', partition: n % 2, records }])
  }
  const seen: string[][] = [[], [], []]
  for await (const record of topicRecords(log, 'out', { clock })) {
    const [header] = record.headers()
    seen[record.partition]?.push(`${record.key} ${record.value} ${header?.[0]}=${header?.[1]}`)
  }
  const wanted = (parity: number) =>
    Array.from({ length: 25 }, (_, n) => n * 2 + parity).map(
      n => `k${n} ${n === 7 ? null : n} n=${n}`,
    )
  assert.equal(seen, [wanted(0), wanted(1), []])
})

test('what was aborted is not seen, also at the end', async () => {
  const transactor = log.transactor({ transactionalId: 't', timeoutMs: 30_000 })
  await transactor.fence()
  for (const outcome of ['abort', 'commit', 'abort'] as const) {
    const transaction = transactor.begin()
    await transaction.send([
      { topic: 'out', partition: 0, records: [{ key: 'k', value: outcome }] },
    ])
    await transaction[outcome]()
  }
  assert.equal(await values(), ['commit'])
})

test('an open transaction is waited for, and not for ever', async () => {
  const transactor = log.transactor({ transactionalId: 't', timeoutMs: 600_000 })
  await transactor.fence()
  const transaction = transactor.begin()
  await transaction.send([{ topic: 'out', partition: 2, records: [{ key: 'k', value: 'v' }] }])
  const error = await rejects(() => values(), 'unreachable')
  assert.match(error.message, /before the end of partition 2 \(to 1\)/)
})

test('what a slow caller takes its time with is no standstill', async () => {
  const producer = log.producer()
  for (let n = 0; n < 4; n++)
    await producer.send([{ topic: 'out', partition: 0, records: [{ key: 'k', value: `${n}` }] }])
  let seen = 0
  for await (const _ of topicRecords(log, 'out', { clock, patienceMs: 1_000 })) {
    seen++
    await clock.sleep(2_000)
  }
  assert.is(seen, 4)
})

test.run()

async function values(topic = 'out'): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = []
  for await (const { value } of topicRecords(log, topic, { clock })) found.push(value?.toString())
  return found
}
