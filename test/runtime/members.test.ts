import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { JobProcess } from '../../runtime/process.ts'
import { startMillrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'
import { JobWorld } from './job-world.ts'
import { together } from './together.ts'

const test = suite('members of a group', { timeoutMs: 150_000 })
let folder = ''
let broker: Broker

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-members-'))
  broker = await startBroker({ folder })
})

together(test, {
  'a process that wakes up after its session adds nothing, and each partition has one owner': () =>
    inWorld('zombie', async world => {
      const flags = ['--brokers', broker.address, '--session-ms', '6000', '--port', '0']
      const run = ['run', world.jobPath, ...flags, '--data', join(world.folder, 'zombie')]
      const zombie = startMillrace(run)
      try {
        await world.send(...world.some(50))
        await world.settled()
        await world.send(...world.some(2_500).map(each => ({ ...each, deed: 'slow' as const })))
        const before = await world.lag()
        await world.until(async () => (await world.lag()) < before, 'it is at work')
        zombie.child.kill('SIGSTOP')
        assert.ok((await world.lag()) > 0, 'it had done all before it was stopped')

        // Ctrl-C does not wait for the sleeper's session to end.
        const impatient = startMillrace([...run.slice(0, -1), join(world.folder, 'impatient')])
        await impatient.printed(/metrics\n/)
        await systemClock.sleep(1_500)
        const startedAt = systemClock.elapsed()
        impatient.child.kill('SIGINT')
        assert.is((await impatient.ended).code, 0)
        const took = systemClock.elapsed() - startedAt
        assert.ok(took < 5_000, `it took ${took} ms to end`)

        const other = await world.start()
        await world.settled()
        await world.assertExact()
        assert.is(liveOf(other).length, world.partitions)

        zombie.child.kill('SIGCONT')
        const sendAll = async () => {
          await world.send(...world.some(20))
          return liveOf(other).length === 1
        }
        await world.until(sendAll, 'the group gives one partition back to the one that woke up')
        await world.settled()
        await world.send(...world.some(100))
        await world.settled()
        await world.assertExact()
        assert.is(liveOf(other).length, 1)
        zombie.child.kill('SIGINT')
        assert.is((await zombie.ended).code, 0)
        await world.until(() => liveOf(other).length === 2, 'the rest takes over')
        await world.send(...world.some(100))
        await world.settled()
        await world.assertExact()
      } finally {
        zombie.child.kill('SIGKILL')
        await zombie.ended
      }
    }),

  'a second process that joins and leaves under load costs nothing; tasks return to their stores':
    () =>
      inWorld(
        'joins',
        async world => {
          const home = (name: string) => ({ folder: join(world.folder, 'data', name) })
          let sending = true
          const load = async () => {
            while (sending) {
              await world.send(...world.some(60, 200))
              await systemClock.sleep(20)
            }
          }
          const first = await world.start(home('first'))
          await world.until(() => liveOf(first).length === 4, 'it has all')
          const loaded = load()
          const second = await world.start(home('second'))
          const shared = () => liveOf(first).length === 2 && liveOf(second).length === 2
          await world.until(shared, 'both have two')
          const seconds = liveOf(second)
          await systemClock.sleep(1_500) // some checkpoints
          await world.stop(second)
          await world.until(() => liveOf(first).length === 4, 'the first has all again')
          const again = await world.start(home('second'))
          await world.until(
            () => liveOf(first).length === 2 && liveOf(again).length === 2,
            'both have two again',
          )
          sending = false
          await loaded
          await world.settled()
          await world.assertExact()
          assert.equal(liveOf(again), seconds)
          for (const { partition, restore } of again.figures().slots) {
            const all =
              (await world.log.topics.ranges(`${world.name}.changelog`))[partition]?.end ?? 0
            const { total = 0 } = restore ?? {}
            assert.ok(total < 0.9 * all, `${total} of ${all} records were restored`)
          }
          assert.equal(world.fatal, [])
          assert.is(first.figures().laneRestarts, 0)
          await world.stop(again)
          await world.until(() => liveOf(first).length === 4, 'the first has all at last')
          await world.send(...world.some(60, 200))
          await world.settled()
          await world.assertExact()
        },
        4,
      ),
})

test.after(async () => {
  await broker.close()
  await rm(folder, { recursive: true, force: true })
})
test.run()

async function inWorld(
  name: string,
  body: (world: JobWorld) => Promise<void>,
  partitions = 2,
): Promise<void> {
  const world = await JobWorld.open(broker.address, name, { partitions })
  try {
    await body(world)
  } finally {
    await world.close()
  }
}

const liveOf = (job: JobProcess): number[] =>
  job
    .figures()
    .slots.filter(({ phase }) => phase === 'live')
    .map(({ partition }) => partition)
    .sort((a, b) => a - b)
