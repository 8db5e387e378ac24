import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import type { JobProcess } from '../../runtime/process.ts'
import { assert, type Suite, skip } from '../harness.ts'
import { type Api, type Mishap, startProxy } from '../proxy.ts'
import { RetailWorld } from '../retail/retail-world.ts'
import { liveOf } from '../runtime/job-on-broker.ts'
import { mountSmallDisk } from '../small-disk.ts'

const mishaps: readonly (readonly [Api, Mishap])[] = [
  ['EndTxn', 'lose-answer'],
  ['Produce', 'half-answer'],
  ['EndTxn', { delayMs: 2_000 }],
  ['TxnOffsetCommit', 'lose-request'],
  ['EndTxn', 'half-answer'],
  ['Produce', { delayMs: 2_000 }],
  ['AddPartitionsToTxn', 'lose-answer'],
  ['Fetch', 'half-answer'],
]

/**
 * What may befall the processes of one job while it works, one fault after the other, each with a part of the shop to
 * work on and DuckDB's word on all lines so far at its end. What a fault does wrong, later ones do not make right.
 */
export function faultCases(test: Suite, brokers: () => string, csv: () => string): void {
  let world: RetailWorld
  let part = 0

  test.before(async () => {
    if (brokers() === '') return
    world = await RetailWorld.open(brokers(), csv())
    part = Math.floor(world.lines / 5)
  })
  test.after(() => world?.close())

  test('connections cut in the middle of commits, late by seconds and answered half', async () => {
    const proxy = await startProxy(brokers())
    const child = world.run({ brokers: proxy.address })
    try {
      await world.during(part, async () => {
        for (const [api, mishap] of mishaps) await proxy.once(api, mishap)
      })
      await world.assertExact(child)
      await child.stop()
    } finally {
      await child.kill()
      await proxy.close()
    }
  })

  test('a second process on the same folder is refused, and the first goes on unharmed', async () => {
    const first = world.run()
    try {
      await first.ready()
      const second = world.run()
      await world.during(part, async () => {
        assert.is(await second.ended(60_000), 'exit code 1')
        assert.match(second.output, /is in use by another Millrace process.*--instance/)
      })
      await world.assertExact(first)
      await first.stop()
    } finally {
      await first.kill()
    }
  })

  test('a process stopped past its session, taken over and let go again adds nothing', async () => {
    const zombie = world.run({ home: world.home('zombie') })
    try {
      await zombie.ready()
      await world.atWork(
        part / 3,
        () => zombie.freeze(),
        () => zombie.thaw(),
      )
      const other = await world.start({ folder: world.home('other') })
      await world.send(part / 3)
      await world.assertExact()
      assert.is(liveOf(other).length, world.partitions)

      zombie.thaw()
      await world.during(part / 3, () => shared(world, 2, other))
      await world.assertExact()
      await zombie.stop()
      await shared(world, 4, other)
      await world.stop(other)
      assert.equal(world.fatal, [])
    } finally {
      await zombie.kill()
    }
  })

  test('a second and a third process join and leave under load; tasks return to their stores', async () => {
    const home = (name: string) => ({ folder: world.home(name) })
    await world.during(part, async () => {
      const first = await world.start(home('first'))
      await shared(world, 4, first)
      const second = await world.start(home('second'))
      await shared(world, 2, first, second)
      const seconds = liveOf(second)
      await systemClock.sleep(1_500) // some checkpoints
      await world.stop(second)
      await shared(world, 4, first)
      const again = await world.start(home('second'))
      await shared(world, 2, first, again)
      assert.equal(liveOf(again), seconds)
      for (const { partition, restore } of again.figures().slots) {
        const ranges = await world.log.topics.ranges(`${world.name}.changelog`)
        const all = ranges[partition]?.end ?? 0
        const { total = 0 } = restore ?? {}
        assert.ok(total < 0.5 * all, `${total} of ${all} records were restored`)
      }
      const third = await world.start(home('third'))
      await shared(world, 1, first, again, third)
      await world.stop(again)
      await shared(world, 2, first, third)
      await world.stop(third)
      await shared(world, 4, first)
      assert.is(first.figures().laneRestarts, 0)
    })
    await world.assertExact()
    assert.equal(world.fatal, [])
    await world.stopAll()
  })

  test('a disk that fills up below the stores stops the tasks with a reason, until there is room', async () => {
    const disk = mountSmallDisk(128)
    if (typeof disk === 'string') skip(disk)
    const folder = join(disk.folder, 'data')
    try {
      const job = await world.start({ folder })
      await world.send(part / 3)
      await world.hasCommitted(world.sent)
      disk.fill()
      await world.during(part / 3, async () => {
        const told = () => world.logged.some(line => /disk's room/.test(line))
        await world.until(told, 'the log says that a store cannot be written, and what to look at')
        await world.until(() => job.notReady().length > 0, 'the process says that it is not ready')
      })
      await disk.empty()
      await world.assertExact()
      await world.until(() => job.notReady().length === 0, 'the process is ready again')

      // Nothing in the stores is spoilt: the next process goes on with them.
      await world.stop(job)
      await world.start({ folder })
      await world.send(world.lines - world.sent)
      await world.assertExact()
      assert.equal(world.fatal, [])
    } finally {
      await world.stopAll()
      disk.unmount()
    }
  })
}

/** Resolves when each of these has at least so many partitions at work. */
function shared(world: RetailWorld, least: number, ...jobs: JobProcess[]): Promise<void> {
  const all = () => jobs.every(job => liveOf(job).length >= least)
  return world.until(all, `each of ${jobs.length} processes has ${least} partitions`)
}
