import type { KeptBy, SinkOptions } from '../../collect/producing-sink.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Log } from '../../runtime/log.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, rejects, skip, suite } from '../harness.ts'
import { mountSmallDisk } from '../small-disk.ts'
import { SinkFaultWorld } from './sink-fault-world.ts'
import { keepingLogger, openTestSink, withFolder } from './sink-world.ts'

const test = suite('sink, with faults')
const broker = new BrokerUnderTest()
let log: Log
let topics = 0

test.before(async () => {
  await broker.start()
  log = openKafkaLog({ brokers: broker.address, clientId: 'sink-test', clock: systemClock })
})

test.after(async () => {
  await log.close()
  await broker.stop()
})

eitherWay(
  'while the brokers hold back, puts resolve on the disk; afterwards each record is there once, in order',
  async world => {
    const sink = await world.open({ acknowledgeMsMax: 50 })
    await world.put(sink, 20)
    while (world.spools()) await systemClock.sleep(5)
    world.faulty.fate = 'hold'
    await world.put(sink, 20)
    await world.put(sink, 20)
    assert.is((await world.found()).filter(({ key }) => key !== 'first').length, 20 * world.keys)
    world.faulty.fate = 'pass'
    await world.put(sink, 20)
    await sink.close()
    await world.checkAll({ timesMax: 1 })
  },
)

eitherWay('what was in flight when the answer was lost is there twice at most', async world => {
  const sink = await world.open({ acknowledgeMsMax: 5_000 })
  await world.put(sink, 5)
  world.faulty.fate = 'lose-answer'
  const put = world.put(sink, 1)
  await put
  world.faulty.fate = 'pass'
  await world.put(sink, 5)
  await sink.close()
  await world.checkAll({ timesMax: 2 })
})

eitherWay(
  'brokers that fail again and again in the middle of a drain lose nothing and turn nothing round',
  async world => {
    const sink = await world.open({ acknowledgeMsMax: 50 })
    for (let round = 0; round < 6; round++) {
      world.faulty.fate = round % 2 === 0 ? 'fail' : 'hold'
      await world.put(sink, 10)
      world.faulty.fate = 'pass'
      await world.put(sink, 10)
    }
    await sink.close()
    await world.checkAll({ timesMax: 1 })
  },
)

eitherWay(
  'a closed sink has spooled what the brokers did not take, and the next one drains it first',
  async world => {
    const sink = await world.open({ acknowledgeMsMax: 50 })
    await world.put(sink, 3)
    world.faulty.fate = 'hold'
    const late = world.put(sink, 1)
    await sink.close()
    await late
    world.faulty.fate = 'pass'
    const next = await world.open()
    await world.put(next, 3)
    await next.close()
    await world.checkAll({ timesMax: 2 })
  },
)

eitherWay('it opens while no broker answers, and takes events until they do', async world => {
  const { topics, answer } = awayTopics(world.topic)
  const logger = keepingLogger()
  const away = { topics, producer: () => log.producer() }
  const options = { acknowledgeMsMax: 20, logger }
  const sink = await openTestSink(away, world.topic, world.folder, options)
  assert.match(logger.logged[0]?.message ?? '', /events go to the spool, until the brokers answer/)
  await world.put(sink, 10)
  answer()
  await world.put(sink, 10)
  await sink.close()
  await world.checkAll({ timesMax: 1 })
})

eitherWay(
  'what began to wait before any broker said how many partitions there are is in that of its key, too',
  async world => {
    const { topics, answer } = awayTopics(world.topic, true)
    const spec = { topic: world.topic, partitions: 4, replication: 1, config: {} }
    await log.topics.create([spec])
    const away = { topics, producer: () => log.producer() }
    const options = { acknowledgeMsMax: 20 }
    const sink = await openTestSink(away, world.topic, world.folder, options)
    const first = sink.put([world.record('x'.repeat(100_000))])
    await systemClock.turn()
    await systemClock.turn() // the first is being written now, and the others wait for that
    const others = world.put(sink, 1)
    answer()
    await Promise.all([first, others])
    await sink.close()
    await world.checkAll({ timesMax: 1 })
  },
)

eitherWay('a full spool refuses in words, and what it took is drained', async world => {
  const sink = await world.open({ acknowledgeMsMax: 20, spoolBytesMax: 20_000 })
  world.faulty.fate = 'hold'
  const error = await rejects(() => world.put(sink, 200), 'spool_full')
  assert.match(error.message, /the brokers are away, and the spool has reached its/)
  await rejects(() => sink.put([world.record('x'.repeat(5_000))]), 'spool_full')
  world.faulty.fate = 'pass'
  await sink.close()
  await world.checkAll({ timesMax: 2 })
})

test('more than may wait in memory is refused at once, and taken when there is room again', () =>
  inWorld(async world => {
    const sink = await world.open({ acknowledgeMsMax: 60_000, memoryBytesMax: 10_000 })
    world.faulty.fate = 'hold'
    const first = sink.put([world.record('x'.repeat(9_000))])
    await rejects(() => sink.put([world.record('x'.repeat(9_000))]), 'memory_full')
    world.faulty.fate = 'pass'
    await first
    await sink.put([world.record('x'.repeat(9_000))])
    await sink.close()
    await rejects(() => sink.put([world.record('late')]), 'closed')
  }))

eitherWay(
  'a batch that the brokers find too large is sent in smaller ones, each once although others fail',
  async world => {
    const sink = await world.open({ acknowledgeMsMax: 50 })
    world.faulty.fate = 'hold'
    await world.put(sink, 4)
    world.faulty.recordsMax = 1
    world.faulty.failEvery = 5
    world.faulty.fate = 'pass'
    while (world.spools()) await systemClock.sleep(5)
    world.faulty.failEvery = Number.POSITIVE_INFINITY
    await sink.close()
    await world.checkAll({ timesMax: 1 })
  },
)

test('a full disk under the spool refuses, and costs nothing that was taken', async () => {
  const disk = mountSmallDisk(4)
  if (typeof disk === 'string') return skip(disk)
  try {
    await inWorld(async world => {
      const sink = await world.open({ acknowledgeMsMax: 20 })
      await world.put(sink, 3)
      world.faulty.fate = 'hold'
      await world.put(sink, 3)
      disk.fill()
      await rejects(() => sink.put([world.record('x'.repeat(200_000))]), 'disk_failed')
      await disk.empty()
      await world.put(sink, 3)
      world.faulty.fate = 'pass'
      await sink.close()
      await world.checkAll({ timesMax: 2 })
    }, disk)
  } finally {
    disk.unmount()
  }
})

test('one process has the folder: a second is told which', () =>
  inWorld(async world => {
    const sink = await world.open()
    const error = await rejects(() => world.open(), 'folder-locked')
    assert.match(error.message, new RegExp(`in use by process ${process.pid}, since .*--instance`))
    await sink.close()
    await (await world.open()).close()
  }))

test.run()

/** Whatever makes a record safe. */
function eitherWay(name: string, body: (world: SinkFaultWorld) => Promise<void>): void {
  for (const keptBy of ['brokers', 'spool'] as const)
    test(`${name} (kept by ${keptBy})`, () => inWorld(body, { keptBy }))
}

/** Topics of brokers that answer nothing before `answer` is called. `made`: the topic is there already. */
function awayTopics(
  topic: string,
  made = false,
): { topics: SinkOptions['log']['topics']; answer: () => void } {
  let answer: () => void = () => undefined
  const answered = new Promise<void>(resolve => {
    answer = resolve
  })
  const create: Log['topics']['create'] = async specs => {
    await answered
    if (!made) await log.topics.create(specs)
  }
  const describe = async () => ({ topic, partitions: 4, config: {} })
  return { topics: { create, describe }, answer: () => answer() }
}

async function inWorld(
  body: (world: SinkFaultWorld) => Promise<void>,
  { folder, keptBy = 'brokers' }: { folder?: string; keptBy?: KeptBy } = {},
): Promise<void> {
  const world = (own: string) =>
    new SinkFaultWorld(log, `sink-faults-${process.pid}-${topics++}`, own, keptBy)
  if (folder !== undefined) return body(world(folder))
  await withFolder(own => body(world(own)))
}
