import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { RecordReader } from '../../protocol/record-batch.ts'
import { systemClock } from '../../runtime/clock.ts'
import { nextOffset } from '../../runtime/log.ts'
import { startMillrace } from '../cli/millrace.ts'
import { assert } from '../harness.ts'
import { JobWorld } from './job-world.ts'
import type { Cases } from './together.ts'

/** A quiet input, and ends of a process. */
export const quietCases = (broker: () => string): Cases => ({
  'whose last record is a control marker has no lag, is ready, and its windows shrink by the wall clock':
    () => inWorld(broker(), 'control', controlMarkers),

  'at-least-once: rows come before their transaction, and states are exact after kill -9': () =>
    inWorld(broker(), 'early', atLeastOnce),

  'a clean stop is quick, leaves no process, and the next start restores nothing': () =>
    inWorld(broker(), 'stop', cleanStop),

  "Ctrl-C of a process that joins does not wait for a sleeper's session to end": () =>
    inWorld(broker(), 'sleeper', sleeper),
})

async function inWorld(
  broker: string,
  name: string,
  body: (world: JobWorld) => Promise<void>,
): Promise<void> {
  const features =
    name === 'control' ? "recent: count({ of: 'Bought', over: '2s', every: '1s' })" : ''
  const world = await JobWorld.open(broker, name, { partitions: 1, features })
  try {
    await body(world)
  } finally {
    await world.close()
  }
}

async function controlMarkers(world: JobWorld): Promise<void> {
  const flags = ['--brokers', world.brokers, '--data', join(world.folder, 'data'), '--port', '0']
  const job = startMillrace(['run', world.jobPath, ...flags, '--lanes', '1'])
  const kafka = new kafkajs.Kafka({
    brokers: [world.brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    clientId: world.name,
  })
  const producer = kafka.producer({
    transactionalId: world.name,
    maxInFlightRequests: 1,
    idempotent: true,
    retry: { initialRetryTime: 1, maxRetryTime: 20, retries: 200 },
  })
  try {
    await producer.connect()
    const event = (messageId: string, timestamp: number) => ({
      key: 'ann',
      value: JSON.stringify({ messageId, event: 'Bought', userId: 'ann', timestamp }),
    })
    const committed = await producer.transaction()
    await committed.send({
      topic: world.input,
      messages: [event('a', Date.now()), event('b', Date.now())],
    })
    await committed.commit()
    const aborted = await producer.transaction()
    await aborted.send({ topic: world.input, messages: [event('never', Date.now())] })
    await aborted.abort()

    // Two records, a marker, one aborted record and its marker.
    assert.equal((await world.log.topics.ranges(world.input))[0]?.end, 5)
    await world.settled()
    const url = /(http:\S+)\/metrics\n/.exec(await job.printed(/http:\S+\/metrics\n/))?.[1]
    assert.is((await fetch(`${url}/ready`)).status, 200)
    const metric = async (name: string) => {
      const page = await (await fetch(`${url}/metrics`)).text()
      return new RegExp(`^${name}(?:{[^}]*})? (\\S+)`, 'm').exec(page)?.[1]
    }
    await world.until(async () => (await metric('millrace_lag_records')) === '0', 'no lag is told')
    assert.is(await metric('millrace_lag_seconds'), '0')
    await world.until(async () => (await metric('millrace_events_in_total')) === '2', 'two events')
    assert.equal((await world.totals()).get('ann'), { events: 2, total: 2, recent: 2 })

    const shrunk = async () => (await world.totals()).get('ann')?.recent === 0
    await world.until(shrunk, 'the window has shrunk to nothing')
    assert.equal((await world.totals()).get('ann'), { events: 2, total: 2, recent: 0 })
    assert.equal((await world.committed())[0], 5)
  } finally {
    await producer.disconnect()
    job.child.kill('SIGKILL')
    await job.ended
  }
}

async function atLeastOnce(world: JobWorld): Promise<void> {
  const flags = ['--brokers', world.brokers, '--data', join(world.folder, 'data'), '--port', '0']
  const run = ['run', world.jobPath, ...flags, '--lanes', '1', '--mode', 'at-least-once']
  const first = startMillrace(run)
  try {
    await world.send(...world.some(50))
    await world.settled()
    const rows = async () => (await world.log.topics.ranges(`${world.name}.features`))[0]?.end ?? 0
    const before = await rows()
    await world.send(...world.some(3_000).map(each => ({ ...each, deed: 'slow' as const })))
    await world.until(async () => (await rows()) > before, 'it is at work')
    first.child.kill('SIGKILL')
    await first.ended
    assert.ok((await world.lag()) > 0, 'it had done all before it was killed')
    // Its member id lies there, so the group need not wait for its session to end.
    const second = await world.start({ mode: 'at-least-once', folder: folderOf(world) })
    await world.send(...world.some(100))
    await world.settled()
    await world.assertExact({ versionsMayGoBack: true }) // what is taken again is told again
    await world.stop(second)
    assert.equal(await transactional(world, 'features'), [false])
    assert.equal(await transactional(world, 'triggers'), [false])
    assert.equal(await transactional(world, 'changelog'), [true])
  } finally {
    first.child.kill('SIGKILL')
    await first.ended
  }
}

async function cleanStop(world: JobWorld): Promise<void> {
  const flags = ['--brokers', world.brokers, '--data', join(world.folder, 'data'), '--port', '0']
  const run = ['run', world.jobPath, ...flags, '--lanes', '2']
  const first = startMillrace(run)
  try {
    await world.send(...world.some(500, 100))
    await world.settled()
    await world.send(...world.some(500, 100)) // in the middle of them
    const startedAt = systemClock.elapsed()
    first.child.kill('SIGINT')
    const { code, stderr } = await first.ended
    const took = systemClock.elapsed() - startedAt
    assert.is(code, 0, stderr)
    assert.ok(took < 15_000, `it took ${took} ms`)
    const pid = Number(first.child.pid)
    assert.throws(() => process.kill(pid, 0), 'ESRCH')

    const [stopped] = await world.log.committed(`${world.name}.commits`, world.input, [0])
    assert.match(stopped?.metadata ?? '', /"clean":true/)
    const second = await world.start({ folder: folderOf(world) })
    await world.until(() => second.figures().slots[0]?.phase === 'live', 'it is live')
    await world.settled()
    await world.assertExact()
    assert.equal(
      second.figures().slots.map(({ restore }) => restore),
      [undefined],
      'what was restored',
    )
  } finally {
    first.child.kill('SIGKILL')
    await first.ended
  }
}

async function sleeper(world: JobWorld): Promise<void> {
  const run = (name: string) =>
    startMillrace([
      ...['run', world.jobPath, '--brokers', world.brokers, '--session-ms', '60000'],
      ...['--data', join(world.folder, name), '--port', '0'],
    ])
  const asleep = run('asleep')
  try {
    await world.send(...world.some(10))
    await world.settled()
    asleep.child.kill('SIGSTOP')
    const joining = run('joining')
    await joining.printed(/metrics\n/)
    await systemClock.sleep(1_500)
    const startedAt = systemClock.elapsed()
    joining.child.kill('SIGINT')
    const { code, stderr } = await joining.ended
    assert.is(code, 0, stderr)
    const took = systemClock.elapsed() - startedAt
    assert.ok(took < 30_000, `it took ${took} ms`)
  } finally {
    asleep.child.kill('SIGKILL')
    await asleep.ended
  }
}

/** Where `millrace run --data` has what is the process's own. */
const folderOf = ({ folder, name }: JobWorld) => join(folder, 'data', 'run', name, '1')

/** Whether the batches of the job's topic belong to transactions; both answers, where some do. */
async function transactional({ log, name }: JobWorld, topic: string): Promise<boolean[]> {
  const reader = log.reader({
    topic: `${name}.${topic}`,
    waitMsMax: 100,
    partitionBytesMax: 1 << 20,
  })
  const found = new Set<boolean>()
  try {
    reader.seek(0, nextOffset(0))
    for (let ended = false; !ended; ) {
      for (const fetched of await reader.poll()) {
        if (fetched.kind !== 'batch') throw new Error('out of range')
        const records = new RecordReader(fetched.records)
        while (records.next()) found.add(records.header()?.transactional === true)
        ended = fetched.next >= fetched.end
      }
    }
  } finally {
    await reader.close()
  }
  return [...found]
}
