import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { startMillrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'
import { type Bought, JobWorld } from './job-world.ts'

const test = suite('records that kill', { timeoutMs: 90_000 })
let folder = ''
let broker: Broker

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-deadly-'))
  broker = await startBroker({ folder })
})
test.after(async () => {
  await broker.close()
  await rm(folder, { recursive: true, force: true })
})

async function inWorld(name: string, body: (world: JobWorld) => Promise<void>): Promise<void> {
  const world = await JobWorld.open(broker.address, name)
  try {
    await body(world)
  } finally {
    await world.close()
  }
}

/** A deed amid others of both partitions, whose lanes are two. */
function around(world: JobWorld, deed: NonNullable<Bought['deed']>): Bought[] {
  return [...world.some(40), { user: 'user-3', deed }, ...world.some(40)]
}

const lanes = {
  exit: [{}, /lane \d has died/],
  memory: [{ heapMbMax: 64 }, /lane \d has died \(.*memory/i],
  hang: [{ hangMsMax: 1_500 }, /lane \d has not moved for 1.5 s/],
} as const

// They mostly wait (a lane that dies young is opened again after five seconds), so they do it together.
const deeds = new Map<string, Promise<void>>()
test.before(() => {
  for (const deed of ['exit', 'memory', 'hang'] as const) deeds.set(deed, killLane(deed))
  deeds.set('kill', killProcess())
  for (const done of deeds.values()) done.catch(() => undefined) // its test tells
})

for (const deed of Object.keys(lanes)) {
  const name = deed === 'memory' ? 'run out of memory' : deed
  test(`one that makes its lane ${name} is dead-lettered at the third time, and all else counts once`, () =>
    deeds.get(deed))
}

test('one that kills its process is announced, then dead-lettered, and all else counts once', () =>
  deeds.get('kill'))

test.run()

function killLane(deed: keyof typeof lanes): Promise<void> {
  return inWorld(deed, async world => {
    const [options, died] = lanes[deed]
    const job = await world.start(options)
    await world.send(...world.some(40))
    await world.settled()
    const takeoversBefore = job.figures().takeovers
    await world.send(...around(world, deed))
    await world.settled()
    await world.assertExact()
    const dead = await world.dead()
    assert.equal(
      dead.map(({ key, headers }) => [key, headers['error-code']]),
      [['user-3', 'kills_lane']],
    )
    const figures = job.figures()
    assert.is(figures.laneRestarts, 2)
    assert.is(figures.takeovers - takeoversBefore, 2, 'takeovers, of the dead lane alone')
    const other = 1 - world.partitionOf('user-3')
    assert.is(figures.slots.find(({ partition }) => partition === other)?.phase, 'live')
    assert.match(world.logged.join('\n'), died)
    await world.until(() => job.notReady().length === 0, 'ready again')
    await world.send(...world.some(10))
    await world.settled()
    await world.assertExact()
  })
}

function killProcess(): Promise<void> {
  return inWorld('kill', async world => {
    await world.send(...around(world, 'kill'), ...world.some(20))
    const flags = ['--brokers', broker.address, '--data', join(world.folder, 'data'), '--port', '0']
    let deaths = 0
    for (; deaths < 8; deaths++) {
      const life = startMillrace(['run', world.jobPath, ...flags, '--lanes', '1'])
      const settled = world.settled(60_000).then(() => 'settled' as const)
      settled.catch(() => undefined) // when it dies first, nobody waits for this
      const end = await Promise.race([settled, life.ended.then(() => 'died' as const)])
      if (end === 'died') continue
      life.child.kill('SIGINT')
      assert.is((await life.ended).code, 0)
      break
    }
    assert.ok(deaths >= 3 && deaths <= 5, `it died ${deaths} times`)
    await world.assertExact()
    assert.equal(
      (await world.dead()).map(({ key, headers }) => [key, headers['error-code']]),
      [['user-3', 'kills_process']],
    )
  })
}
