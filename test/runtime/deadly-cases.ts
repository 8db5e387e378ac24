import { join } from 'node:path'
import { startMillrace } from '../cli/millrace.ts'
import { assert } from '../harness.ts'
import type { Bought } from './deadly-job.ts'
import { JobWorld } from './job-world.ts'

/** Of records that kill their lane, in each way, and their process. Those of a way are a test each. */
export const deadlyCases = (broker: () => string) => ({
  'one that makes its lane exit is dead-lettered at the third time, and all else counts once': () =>
    killLane(broker(), 'exit'),
  'so is one that makes its lane run out of memory': () => killLane(broker(), 'memory'),
  'so is one that makes its lane hang': () => killLane(broker(), 'hang'),
  'one that kills its process is announced, then dead-lettered, and all else counts once': () =>
    killProcess(broker()),
})

async function inWorld(
  broker: string,
  name: string,
  body: (world: JobWorld) => Promise<void>,
): Promise<void> {
  const world = await JobWorld.open(broker, name)
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
  hang: [{ hangMsMax: 4_000 }, /lane \d has not moved for 4 s/],
} as const

function killLane(broker: string, deed: keyof typeof lanes): Promise<void> {
  return inWorld(broker, deed, async world => {
    const [options, died] = lanes[deed]
    const job = await world.start({ lanes: 2, ...options })
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
    const takeovers = figures.takeovers - takeoversBefore
    if (deed === 'hang') {
      // On a machine with much else to do, an innocent lane may stand still for so long too.
      assert.ok(figures.laneRestarts >= 2 && takeovers >= 2)
    } else {
      assert.is(figures.laneRestarts, 2)
      assert.is(takeovers, 2, 'takeovers, of the dead lane alone')
      const other = 1 - world.partitionOf('user-3')
      assert.is(figures.slots.find(({ partition }) => partition === other)?.phase, 'live')
    }
    assert.match(world.logged.join('\n'), died)
    await world.until(() => job.notReady().length === 0, 'ready again')
    await world.send(...world.some(10))
    await world.settled()
    await world.assertExact()
  })
}

function killProcess(broker: string): Promise<void> {
  return inWorld(broker, 'kill', async world => {
    await world.send(...around(world, 'kill'), ...world.some(20))
    const flags = ['--brokers', broker, '--data', join(world.folder, 'data'), '--port', '0']
    let deaths = 0
    for (; deaths < 8; deaths++) {
      const life = startMillrace(['run', world.jobPath, ...flags, '--lanes', '1'])
      const settled = world.settled(120_000).then(() => 'settled' as const)
      settled.catch(() => undefined) // when it dies first, nobody waits for this
      const end = await Promise.race([settled, life.ended.then(() => 'died' as const)])
      if (end === 'died') continue
      life.child.kill('SIGINT')
      assert.is((await life.ended).code, 0)
      break
    }
    assert.ok(deaths >= 5 && deaths <= 7, `it died ${deaths} times`)
    await world.assertExact()
    assert.equal(
      (await world.dead()).map(({ key, headers }) => [key, headers['error-code']]),
      [['user-3', 'kills_process']],
    )
  })
}
