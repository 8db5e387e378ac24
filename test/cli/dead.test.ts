import { type DeadLetter, readDeadLetters } from '../../cli/dead-letters.ts'
import { replayDeadLetters } from '../../cli/dead-replay.ts'
import { readRange } from '../../cli/read-range.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { erasedRecord } from '../../runtime/erased.ts'
import { type Log, nextOffset } from '../../runtime/log.ts'
import { deadRecord, deadTimer } from '../../runtime/outputs.ts'
import { assert, rejects, suite } from '../harness.ts'
import { FaultPlan } from '../simulator/faults.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { SimCluster } from '../simulator/sim-cluster.ts'
import { breaking } from './breaking-log.ts'

const test = suite('dead letters')
const never = new AbortController().signal
const fault = { code: 'state_too_large', reason: 'the state would have 70,000 bytes' }
let cluster: SimCluster
let log: Log
let end: () => void

test.before.each(async () => {
  const random = new Random('dead letters')
  const scheduler = new Scheduler(random.fork('scheduler'), Date.UTC(2026, 0, 1))
  cluster = new SimCluster({ scheduler, random, plan: new FaultPlan(random.fork('plan'), {}) })
  end = scheduler.runInBackground(error => {
    throw error
  })
  log = cluster.open('tool').log
  await log.topics.create(
    ['events', 'shop.dead'].map(topic => ({
      topic,
      partitions: 2,
      replication: 1,
      config: { 'cleanup.policy': 'delete' },
    })),
  )
})
test.after.each(async () => {
  await log.close()
  end()
  assert.equal(cluster.violations, [])
})

test('are read with their code, reason and origin, and timers with their name', async () => {
  await die(1, letter('ann', 'a', 7), deadTimer('bob', { name: 'cart', time: 5 }, fault))
  const [first, second] = await letters()
  assert.equal(
    { ...first, record: undefined },
    {
      ...{
        record: undefined,
        ...fault,
        time: 1_000,
        origin: { topic: 'events', partition: 0, offset: 7 },
      },
      ...{ timer: undefined, truncated: false },
    },
  )
  assert.is(first?.record.value?.toString(), 'a')
  assert.equal([second?.timer, second?.origin, second?.time], ['cart', undefined, 5])
})

test('of a job that never ran are refused with the remedy', async () => {
  await rejects(
    () => replayDeadLetters(log, 'other', never),
    /"other.dead" does not exist: give --job/,
  )
})

test('are sent again to the partition of their key, in order, and each of them once', async () => {
  await die(
    0,
    letter('ann', 'a', 1),
    letter('bob', 'b', 2),
    deadTimer('bob', { name: 'cart', time: 5 }, fault),
  )
  await die(1, letter('ann', 'c', 3))
  assert.equal(await replayDeadLetters(log, 'shop', never), {
    sent: 3,
    timers: 1,
    gone: 0,
    erased: 0,
  })
  assert.equal(await replayDeadLetters(log, 'shop', never), {
    sent: 0,
    timers: 0,
    gone: 0,
    erased: 0,
  })
  await die(1, letter('bob', 'd', 4))
  assert.equal(await replayDeadLetters(log, 'shop', never), {
    sent: 1,
    timers: 0,
    gone: 0,
    erased: 0,
  })
  const records = await input()
  const values = (key: string) => records.filter(each => each.key === key).map(({ value }) => value)
  assert.equal(
    [values('ann'), values('bob')],
    [
      ['a', 'c'],
      ['b', 'd'],
    ],
  )
  for (const { key, partition } of records)
    assert.is(partition, partitionFor(Buffer.from(key ?? ''), 2))
})

test('whose payload was cut are sent whole, as they lie in their topic', async () => {
  const value = 'x'.repeat(70_000)
  const partition = partitionFor(Buffer.from('ann'), 2)
  const producer = log.producer()
  const [at = 0] = await producer.send([
    { topic: 'events', partition, records: [{ key: 'ann', value }] },
  ])
  await producer.close()
  const origin = { topic: 'events', partition, offset: at, appendedAt: 1_000 }
  await die(0, deadRecord(origin, { key: Buffer.from('ann'), value: Buffer.from(value) }, fault))
  await die(
    0,
    deadRecord({ ...origin, offset: at + 1_000 }, { key: null, value: Buffer.from(value) }, fault),
  )
  const [first] = await letters()
  assert.is(first?.truncated, true)
  assert.equal(await replayDeadLetters(log, 'shop', never), {
    sent: 1,
    timers: 0,
    gone: 1,
    erased: 0,
  })
  assert.equal(
    (await input()).map(each => each.value),
    [value, value],
  )
})

test('of users who have been erased since are not sent', async () => {
  const anonymous = JSON.stringify({ anonymousId: 'phone', timestamp: Date.UTC(2026, 0, 1) })
  await die(0, letter('ann', 'a', 1), letter('bob', 'b', 2), letter('', anonymous, 3))
  await log.topics.create([{ topic: 'shop.erased', partitions: 2, replication: 1, config: {} }])
  const producer = log.producer()
  const erased = (key: string, appendedAt: number) =>
    erasedRecord({ input: 'events' }, key, { era: 0, offset: 9, appendedAt })
  const records = [erased('ann', 2_000), erased('bob', 500), erased('phone', 2_000)]
  await producer.send([{ topic: 'shop.erased', partition: 1, records }])
  await producer.close()
  const { sent, erased: leftOut } = await replayDeadLetters(log, 'shop', never)
  assert.equal([sent, leftOut], [1, 2])
  assert.equal(
    (await input()).map(({ key }) => key),
    ['bob'],
  )
})

test('are sent once also when a replay dies before, in the middle of, or after its sending', async () => {
  for (const dies of ['before the intent', 'before the send', 'after the send'] as const) {
    const value = `value of ${dies}`
    await die(0, letter('ann', value, 1), letter('bob', value, 2))
    await rejects(
      () => replayDeadLetters(breaking(log, dies), 'shop', never),
      'the machine is gone',
    )
    await replayDeadLetters(log, 'shop', never)
    const sent = (await input()).filter(each => each.value === value).map(({ key }) => key)
    assert.equal(sent.sort(), ['ann', 'bob'], dies)
  }
})

test.run()

function letter(key: string, value: string, offset: number): OutgoingRecord {
  const origin = { topic: 'events', partition: 0, offset, appendedAt: 1_000 }
  return deadRecord(origin, { key: Buffer.from(key), value: Buffer.from(value) }, fault)
}

async function die(partition: number, ...records: OutgoingRecord[]): Promise<void> {
  const producer = log.producer()
  await producer.send([{ topic: 'shop.dead', partition, records }])
  await producer.close()
}

async function letters(): Promise<DeadLetter[]> {
  const found: DeadLetter[] = []
  for await (const each of readDeadLetters(log, 'shop', never)) found.push(each)
  return found
}

async function input() {
  const ranges = (await log.topics.ranges('events')).map((range, partition) => ({
    partition,
    from: nextOffset(0),
    to: range.end,
  }))
  const found: { partition: number; key: string | null; value: string | null }[] = []
  for await (const { partition, key, value } of readRange(log, 'events', ranges, never)) {
    found.push({ partition, key: key?.toString() ?? null, value: value?.toString() ?? null })
  }
  return found
}
