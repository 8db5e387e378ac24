import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Transactor } from '../../runtime/log.ts'
import { LogCase, of } from '../conformance/log-world.ts'
import { assert, rejects, suite } from '../harness.ts'
import { type BrokerProxy, startProxy } from '../proxy.ts'

const test = suite('transactions opened ahead')
const timeoutMs = 3_000

let folder: string
let broker: Broker
let proxy: BrokerProxy

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-ahead-'))
  broker = await startBroker({ folder, port: 0 })
  proxy = await startProxy(broker.address)
})

test.after(async () => {
  await proxy.close()
  await broker.close()
  await rm(folder, { recursive: true })
})

const onTopic = (body: (each: LogCase) => Promise<void>) => () =>
  LogCase.run(
    {
      open: () => openKafkaLog({ brokers: proxy.address, clientId: 'test', clock: systemClock }),
      sleep: ms => systemClock.sleep(ms),
      close: async () => undefined,
    },
    body,
    1,
  )

/** Two commits, one right after the other; resolves when the coordinator has met the third's partition. */
async function series(transactor: Transactor, { topic }: LogCase): Promise<void> {
  for (const value of ['first', 'second']) {
    const transaction = transactor.begin()
    await transaction.send([{ topic, partition: 0, records: [of(value)] }])
    const opened = proxy.once('AddPartitionsToTxn', { delayMs: 0 })
    await transaction.commit()
    if (value === 'second') await opened
  }
}

test(
  'a transaction that follows a series is open before it begins, and what is sent in it is seen',
  onTopic(async each => {
    const { topic } = each
    const transactor = await each.transactor('used', timeoutMs)
    await series(transactor, each)
    await transactor.opened()
    const third = transactor.begin()
    let asked = false
    void proxy.once('AddPartitionsToTxn', { delayMs: 0 }).then(() => {
      asked = true
    })
    assert.equal(await third.send([{ topic, partition: 0, records: [of('third')] }]), [4])
    assert.not(asked)
    await third.commit()
    assert.equal(await each.values(6), ['first', 'second', 'third'])
  }),
)

test(
  'one that nobody uses is ended long before its time is over, and the next commit is like all others',
  onTopic(async each => {
    const { topic } = each
    const transactor = await each.transactor('unused', timeoutMs)
    const startedAt = systemClock.elapsed()
    await series(transactor, each)
    await proxy.once('EndTxn', { delayMs: 0 })
    assert.ok(systemClock.elapsed() - startedAt < timeoutMs)
    const next = transactor.begin()
    assert.equal(await next.send([{ topic, partition: 0, records: [of('third')] }]), [5])
    await next.commit()
    assert.equal(await each.values(7), ['first', 'second', 'third'])
  }),
)

test(
  'one that is open when its owner closes is ended',
  onTopic(async each => {
    const { topic, log } = each
    const transactor = await each.transactor('closed', timeoutMs)
    await series(transactor, each)
    await transactor.opened()
    await transactor.close()
    assert.equal(await log.topics.ranges(topic), [{ start: 0, end: 5 }]) // two records, two commits, one abort
  }),
)

test(
  'an owner whose next transaction is open already is fenced like all others',
  onTopic(async each => {
    const { topic } = each
    const zombie = await each.transactor('zombie', timeoutMs)
    await series(zombie, each)
    const transaction = zombie.begin()
    await each.transactor('zombie', timeoutMs)
    const late = [{ topic, partition: 0, records: [of('late')] }]
    await rejects(() => transaction.send(late), 'fenced')
    await each.produce(['end'])
    assert.equal(await each.values(6), ['first', 'second', 'end'])
  }),
)

test(
  'what goes wrong ahead is told to the next commit, which sends nothing',
  onTopic(async each => {
    const { topic } = each
    const transactor = await each.transactor('wrong', timeoutMs)
    await series(transactor, each)
    await proxy.once('EndTxn', 'lose-answer')
    const transaction = transactor.begin()
    const third = [{ topic, partition: 0, records: [of('third')] }]
    await rejects(() => transaction.send(third), 'ambiguous')
    await each.produce(['end'])
    assert.equal(await each.values(6), ['first', 'second', 'end'])
  }),
)

test.run()
