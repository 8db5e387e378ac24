import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
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
  'so is a timer that kills its process, whether an event makes it due': () =>
    killByTimer(broker(), 'event'),
  'or the wall clock': () => killByTimer(broker(), 'clock'),
})

async function inWorld(
  broker: string,
  name: string,
  body: (world: JobWorld) => Promise<void>,
  triggers = '',
): Promise<void> {
  const world = await JobWorld.open(broker, name, { triggers })
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
    await dieUntil(world, () => world.settled(120_000))
    await world.assertExact()
    assert.equal(
      (await world.dead()).map(({ key, headers }) => [key, headers['error-code']]),
      [['user-3', 'kills_process']],
    )
  })
}

/** Everybody has a timer for a second after his first purchase; that of one ends the process. */
function killByTimer(broker: string, by: 'event' | 'clock'): Promise<void> {
  const triggers = "later: after('1s', { from: 'Bought' })"
  const body = async (world: JobWorld) => {
    const at = systemClock.now() - 3_600_000
    const users = [...Array.from({ length: 12 }, (_, index) => `user-${index}`), 'doomed']
    await world.send(...users.map(user => ({ user, at: by === 'event' ? at : at + 3_600_000 })))
    const others = users.filter(user => user !== 'doomed')
    const home = world.partitionOf('doomed')
    const beside = others.filter(user => world.partitionOf(user) === home)
    if (by === 'event') await world.send(...beside.map(user => ({ user, at: at + 600_000 })))
    const haveFired = async () => {
      const fired = new Set((await world.triggers('later')).map(({ key }) => key))
      return others.every(user => fired.has(user))
    }
    await dieUntil(world, async () => {
      await world.settled(120_000)
      await world.until(async () => (await world.dead()).length > 0, 'it is dead', 120_000)
      await world.until(haveFired, 'all others have fired', 120_000)
    })
    await world.assertExact()
    const ids = (await world.triggers('later')).map(({ id }) => id)
    assert.is(new Set(ids).size, ids.length)
    const [dead, ...more] = await world.dead()
    assert.equal(more, [])
    assert.equal(
      [dead?.key, dead?.headers['error-code'], dead?.headers.timer],
      ['doomed', 'kills_process', 'later'],
    )
  }
  return inWorld(broker, `timer-${by}`, body, triggers)
}

/** Starts the job again and again, until one life of it does the work; five die before that, or two more. */
async function dieUntil(world: JobWorld, work: () => Promise<void>): Promise<void> {
  const flags = ['--brokers', world.brokers, '--data', join(world.folder, 'data'), '--port', '0']
  let deaths = 0
  for (; deaths < 8; deaths++) {
    const life = startMillrace(['run', world.jobPath, ...flags, '--lanes', '1'])
    const done = work().then(() => 'done' as const)
    done.catch(() => undefined) // when it dies first, nobody waits for this
    const end = await Promise.race([done, life.ended.then(() => 'died' as const)])
    if (end === 'died') continue
    life.child.kill('SIGINT')
    assert.is((await life.ended).code, 0)
    break
  }
  assert.ok(deaths >= 5 && deaths <= 7, `it died ${deaths} times`)
}
