import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { deleteTopics } from '../../bench/delete-topics.ts'
import type { SinkOptions } from '../../collect/producing-sink.ts'
import type { Sink } from '../../collect/sink.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Log } from '../../runtime/log.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, suite } from '../harness.ts'
import { keepingLogger, openTestSink, recordsOf, withFolder } from './sink-world.ts'
import { openTestSpool, spoolFiles, takeSome } from './spool-world.ts'

const test = suite('records that no topic takes', { timeoutMs: 60_000 })
const broker = new BrokerUnderTest()
const topic = `aside-${process.pid}`
const spec = { topic, partitions: 4, replication: 1, config: { 'max.message.bytes': '2000' } }
let log: Log

test.before(async () => {
  await broker.start()
  log = openKafkaLog({ brokers: broker.address, clientId: 'aside-test', clock: systemClock })
})

test.after(async () => {
  await deleteTopics(broker.address, [topic])
  await log.close()
  await broker.stop()
})

test('are set aside and told, those behind them go on, and a topic that takes them gets them afterwards', () =>
  withFolder(async folder => {
    const logger = keepingLogger()
    const sink = await open(folder, { logger })
    await putAll(sink, [
      'before',
      'large '.repeat(1_000),
      'after',
      'large, too '.repeat(500),
      'last',
    ])
    await drained(folder)
    await sink.put([record('live again')])
    await sink.close()
    const small = ['before', 'after', 'last', 'live again']
    assert.equal((await values()).sort(), [...small].sort())
    const told = logger.logged.filter(({ level }) => level === 'error')
    assert.is(told.length, 1, 'once for both')
    assert.match(told[0]?.message ?? '', /does not take is set aside.*refused/)

    await deleteTopics(broker.address, [topic])
    await log.topics.create([{ ...spec, config: {} }])
    const again = join(folder, 'again')
    await cp(join(folder, 'refused'), join(again, 'spool'), { recursive: true })
    const other = await openTestSink(log, topic, again)
    await drained(again)
    await other.close()
    assert.equal((await values()).map(value => value.slice(0, 7)).sort(), ['large l', 'large, '])
  }))

test('hold up what is behind them once there is no room to set them aside, and nothing is lost', () =>
  withFolder(async folder => {
    await deleteTopics(broker.address, [topic])
    const logger = keepingLogger()
    const sink = await open(folder, { logger, asideBytesMax: 100 })
    await putAll(sink, ['large '.repeat(1_000), 'after'])
    while (!logger.logged.some(({ message }) => message.includes('cannot be set aside')))
      await systemClock.sleep(10)
    await sink.close()
    assert.ok(!(await values()).includes('after'))
    await rm(join(folder, 'spool', 'position'), { force: true })
    const spool = await openTestSpool(join(folder, 'spool'))
    const left = await takeSome(spool, 10)
    await spool.close()
    assert.ok(left.includes('after') && left.some(value => value.startsWith('large')))
  }))

test.run()

function open(folder: string, options: Partial<SinkOptions>): Promise<Sink> {
  return openTestSink(log, topic, folder, { topics: [spec], ...options })
}

const record = (value: string) => ({ topic, key: 'key', value: Buffer.from(value) })

async function putAll(sink: Sink, all: readonly string[]): Promise<void> {
  for (const value of all) await sink.put([record(value)])
}

async function drained(folder: string): Promise<void> {
  while ((await spoolFiles(join(folder, 'spool'))).length > 0) await systemClock.sleep(20)
}

async function values(): Promise<string[]> {
  return (await recordsOf(log, topic)).map(({ value }) => value ?? '')
}
