import type { Job } from '../../jobs/job.ts'
import { generationAfter } from '../../runtime/generation.ts'
import { inputSpec, prepareTopics } from '../../runtime/job-topics.ts'
import { encodeMetadata, parseMetadata } from '../../runtime/progress.ts'
import { assert, suite } from '../harness.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { SimCluster } from '../simulator/sim-cluster.ts'
import { SimDisk } from '../simulator/sim-disk.ts'
import { SimHost } from '../simulator/sim-host.ts'
import { simJob } from '../simulator/sim-job.ts'
import { offsetKey } from '../simulator/sim-transactions.ts'

const test = suite('the generation of a process')
const partitions = 4

test('is the newest of all partitions, or one more where that is of another definition', () => {
  const of = (...list: [generation: number, hash: string][]) =>
    generationAfter(
      list.map(([generation, hash]) => ({ generation, hash })),
      'mine',
    )
  assert.is(of(), undefined)
  assert.is(of([1, 'mine'], [1, 'mine']), 1)
  assert.is(of([1, 'mine'], [2, 'other']), 3, 'a rollback')
  assert.is(of([2, 'mine'], [1, 'other']), 2, 'a change that is under way')
  assert.is(of([2, 'mine'], [2, 'other']), 3, 'either may be older')
})

test('a rollback in the middle of a change ends nobody who begins after it', async () => {
  const world = await worldAtWork()
  const first = world.open('first', 1)
  await world.settled(first)
  const newer = world.open('newer', 2)
  await world.pass(30_000)
  assert.equal(world.generations().sort(), [1, 1, 2, 2])
  const back = world.open('back', 1)
  await world.pass(30_000)
  newer.process.kill()
  first.process.kill()
  await world.pass(60_000)
  assert.equal(world.fatal, [])
  assert.is(back.partitions.length, partitions)
  assert.equal(world.generations(), [3, 3, 3, 3], 'others know of it, wherever they begin')
})

test('a standby that has no task yet knows a newer definition when it meets it, and leaves', async () => {
  const world = await worldAtWork()
  const owner = world.open('owner', 1)
  await world.settled(owner)
  const standbys = Array.from({ length: partitions }, (_, at) => world.open(`standby-${at}`, 1))
  await world.pass(30_000)
  const idle = standbys.find(standby => standby.partitions.length === 0)
  assert.ok(idle, 'one of five has none of four partitions')
  for (const host of [owner, ...standbys]) if (host !== idle) host.process.kill()
  for (let partition = 0; partition < partitions; partition++) world.change(partition)
  await world.pass(60_000)
  assert.match(world.fatal.join(), /is at generation 2 of its job, this process began with 1/)
  assert.equal(world.generations(), [2, 2, 2, 2])
})

test.run()

/** A cluster with a job's topics, on which processes of two definitions can be opened. */
async function worldAtWork() {
  const random = new Random('generation')
  const scheduler = new Scheduler(random.fork('scheduler'), Date.UTC(2026, 0, 1))
  const cluster = new SimCluster({ scheduler, random })
  const jobOf = (definition: 1 | 2) => simJob({ idle: 'hold', definition }) as Job
  const { name, input } = jobOf(1)
  cluster.create(inputSpec(input, partitions, 1))
  void prepareTopics(cluster.open('setup').log, jobOf(1), 1, () => undefined)
  const disk = () => new SimDisk(cluster, `${name}.changelog`)
  const fatal: string[] = []
  const pass = async (ms: number) => {
    const until = scheduler.now + ms
    scheduler.after(ms, () => undefined)
    await scheduler.run(() => scheduler.now >= until, 200_000)
  }
  const progressOf = (partition: number) => {
    const key = offsetKey(`${name}.commits`, input, partition)
    const committed = cluster.transactions.committed.get(key)
    const progress = committed && parseMetadata(committed)
    if (!progress) throw new Error(`partition ${partition} has committed nothing`)
    return { key, progress }
  }
  let histories = 0
  await pass(5_000)
  return {
    fatal,
    pass,
    open(processName: string, definition: 1 | 2) {
      const host = new SimHost({
        cluster,
        disk: disk(),
        job: jobOf(definition),
        name: processName,
        lanes: 2,
        flags: { mode: 'exactly-once', era: 0, acceptLoss: false },
        newHistory: () => `history-${++histories}`,
        onFatal: ({ message }) => {
          fatal.push(message)
          host.process.kill()
        },
        onError: message => fatal.push(message),
      })
      host.start().catch(({ message }: Error) => fatal.push(message))
      return host
    },
    async settled(host: SimHost<unknown>) {
      for (let turn = 0; turn < 100; turn++) {
        await pass(1_000)
        if (host.notReady().length === 0 || host.process.killed) return
      }
      throw new Error(host.notReady().join('\n'))
    },
    /** As if a process of the second definition had taken the partition over, and died. */
    change(partition: number) {
      const { key, progress } = progressOf(partition)
      const { hash } = jobOf(2)
      const next = { ...progress, hash, generation: progress.generation + 1 }
      cluster.transactions.committed.set(key, { next: next.next, metadata: encodeMetadata(next) })
    },
    generations: () =>
      Array.from(
        { length: partitions },
        (_, partition) => progressOf(partition).progress.generation,
      ),
  }
}
