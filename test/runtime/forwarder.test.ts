import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { forwardPosition, parsePosition } from '../../runtime/forward-position.ts'
import { Forwarder } from '../../runtime/forwarder.ts'
import { inputSpec } from '../../runtime/job-topics.ts'
import { nextOffset } from '../../runtime/log.ts'
import { assert, rejects, suite } from '../harness.ts'
import { FaultPlan } from '../simulator/faults.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { SimCluster } from '../simulator/sim-cluster.ts'
import { offsetKey } from '../simulator/sim-transactions.ts'

const test = suite('forwarder')
const START = Date.UTC(2026, 10, 22)

/** A topic of rekeyed records with one partition, and two that they go to. */
function worldOf() {
  const random = new Random('forwarder')
  const scheduler = new Scheduler(random.fork('scheduler'), START)
  const plan = new FaultPlan(random.fork('plan'), {})
  const cluster = new SimCluster({ scheduler, random, plan })
  const make = (topic: string, partitions: number) =>
    cluster.create(inputSpec(topic, partitions, 1))
  make('email.rekeyed', 1)
  make('things', 3)
  make('events', 1)
  const failures: unknown[] = []
  const rekeyed = cluster.partition('email.rekeyed', 0)
  const open = ({ era = 0, acceptLoss = false } = {}) => {
    const { log, clock } = cluster.open('lane')
    const onFailed = (error: unknown) => failures.push(error)
    const options = { job: { name: 'email' }, partition: 0, era, acceptLoss, log, clock, onFailed }
    return new Forwarder(options)
  }
  const write = (...keys: string[]) =>
    rekeyed.append(
      keys.map(key => record(key)),
      scheduler.now,
    )
  const arrived = (topic: string) =>
    cluster
      .partitions(topic)
      .flatMap(partition => partition.everCommitted())
      .map(({ key, headers }) => `${key} ${headers.rekeyed}`)
      .sort()
  const until = async (holds: () => boolean) => {
    const end = await scheduler.run(() => holds() || failures.length > 0, 20_000)
    if (!holds()) throw failures[0] ?? new Error(end)
  }
  const stop = async (forwarder: Forwarder) => {
    let stopped = false
    void forwarder.stop({ clean: true }).then(() => {
      stopped = true
    })
    await until(() => stopped)
  }
  const committed = () =>
    cluster.transactions.committed.get(offsetKey('email.forwards', 'email.rekeyed', 0))
  return { ...{ cluster, rekeyed, open, write, arrived, until, stop, committed, scheduler } }
}

function record(key: string, to = 'things', era = '0'): OutgoingRecord {
  return {
    key,
    value: '{}',
    headers: [
      ['to', to],
      ['era', era],
    ],
  }
}

test('each record comes to the partition of its key, and says where it lay', async () => {
  const { open, write, arrived, until, stop, rekeyed, committed } = worldOf()
  write('a', 'b')
  rekeyed.append([record('c', 'events'), { key: 'nobody', value: null }], START)
  const forwarder = open()
  forwarder.start()
  await until(() => arrived('events').length === 1 && arrived('things').length === 2)
  assert.equal(arrived('things'), ['a email/0/0/0', 'b email/0/0/1'])
  assert.equal(arrived('events'), ['c email/0/0/2'])
  await stop(forwarder)
  assert.equal(forwarder.figures, { forwarded: 3, lag: 0 })
  assert.is(committed()?.next, 4)
})

test('the next one goes on where the last one was, and says the era in which a record was written', async () => {
  const { open, write, arrived, until, stop } = worldOf()
  write('a')
  const first = open()
  first.start()
  await until(() => arrived('things').length === 1)
  await stop(first)
  write('b')
  const second = open()
  second.start()
  await until(() => arrived('things').length === 2)
  await stop(second)
  const third = open({ era: 1 })
  third.start()
  await until(() => arrived('things').length === 4)
  assert.equal(arrived('things'), [
    ...['a email/0/0/0', 'a email/0/0/0', 'b email/0/0/1', 'b email/0/0/1'],
  ])
  await stop(third)
})

test('a topic that is not there is told, with the remedy', async () => {
  const { open, rekeyed, until } = worldOf()
  rekeyed.append([record('a', 'gone')], START)
  open().start()
  await rejects(
    () => until(() => false),
    /topic gone, to which job email rekeys, does not exist .* create it, and start email again/,
  )
})

test('where records are lost it stops, and goes on only when told to', async () => {
  const { open, write, until, rekeyed, arrived, stop } = worldOf()
  write('a', 'b', 'c')
  const first = open()
  first.start()
  await until(() => arrived('things').length === 3)
  await stop(first)
  write('d', 'e', 'f')
  rekeyed.moveStart(5)
  open().start()
  await rejects(
    () => until(() => false),
    /2 rekeyed records are lost: 3 is .* 5 to 6.*--accept-loss/,
  )
})

test('where it goes on is a matter of what is committed, what is there, and what a person says', async () => {
  const range = { start: nextOffset(5), end: nextOffset(9) }
  const at = (next: number, { era = 0, acceptLoss = false, was = 0 } = {}) => {
    const begun = { next: nextOffset(next), era: was }
    return forwardPosition({ topic: 't', partition: 0, era, acceptLoss, begun, range })
  }
  assert.is(at(7).next, 7)
  assert.is(at(9).next, 9)
  assert.is(at(3, { acceptLoss: true }).next, 5)
  assert.is(at(8, { era: 1 }).next, 5, 'the topic may have been made anew')
  await rejects(() => at(10), /10 is to be forwarded next.*5 to 9.*made anew.*--era 1/)
  const { next, metadata } = at(7, { was: 2, era: 2 })
  assert.equal(parsePosition({ next, metadata }), { next: 7, era: 2 })
  assert.is(parsePosition({ next, metadata: 'by hand' }), undefined)
})

test.run()
