import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { outputTopics } from '../../runtime/outputs.ts'
import { encodeMarker, encodeMetadata, markerKey, parseMetadata } from '../../runtime/progress.ts'
import { stateFormatVersion } from '../../state/codec.ts'
import { openLevelStore } from '../../state/level-store.ts'
import { assert } from '../harness.ts'
import { JobWorld } from './job-world.ts'
import type { Cases } from './together.ts'

const user = 'user-7'
const newer = stateFormatVersion + 1

/** What a newer version has written, in a store, in a changelog, and beside an offset. */
export const newerCases = (broker: () => string): Cases => ({
  'a state in the store stops its task before it takes that user’s event, which counts later': () =>
    afterSome(broker(), 'stored', async world => {
      const partition = world.partitionOf(user)
      const [before] = await world.log.committed(`${world.name}.commits`, world.input, [partition])
      await rewrite(world, bytes => [newer, ...bytes.subarray(1)])
      const job = await world.start()
      await world.send({ user }, ...world.some(40))
      const text = await refused(world, job, partition)
      assert.match(text, /format version .*; found .* newer Millrace/)
      const other = () => job.figures().slots.find(slot => slot.partition === 1 - partition)
      await world.until(() => other()?.phase === 'live', 'the other task is at work')
      const [after] = await world.log.committed(`${world.name}.commits`, world.input, [partition])
      assert.is(after?.next, before?.next)
      await world.stop(job)

      await rewrite(world, bytes => [stateFormatVersion, ...bytes.subarray(1)])
      await world.start()
      await world.settled()
      assert.equal(await world.dead(), [])
      await world.assertExact()
    }),

  'a state in the changelog stops the restore that meets it': () =>
    afterSome(broker(), 'changelog', async world => {
      const partition = world.partitionOf(user)
      await commitAsNewer(world, partition, 1)
      const anew = join(world.folder, 'anew')
      await mkdir(anew)
      const job = await world.start({ folder: anew })
      await world.send(...world.some(40))
      assert.match(
        await refused(world, job, partition),
        /format version .*; found .* newer Millrace/,
      )
      assert.equal(await world.dead(), [])
    }),

  'progress stops the task, and nobody is told to move the offset': () =>
    afterSome(broker(), 'progress', async world => {
      const partition = world.partitionOf(user)
      await commitAsNewer(world, partition, 2)
      const job = await world.start()
      const text = await refused(world, job, partition)
      assert.match(text, /progress of version 2.*newer Millrace.*run that one/)
    }),
})

/** A job of two partitions that has counted some events and left in order. */
async function afterSome(
  broker: string,
  name: string,
  body: (world: JobWorld) => Promise<void>,
): Promise<void> {
  const world = await JobWorld.open(broker, name)
  try {
    const job = await world.start()
    await world.send(...world.some(40))
    await world.settled()
    await world.stop(job)
    await body(world)
  } finally {
    await world.close()
  }
}

/** What is told of the refused task. */
async function refused(
  world: JobWorld,
  job: Awaited<ReturnType<JobWorld['start']>>,
  partition: number,
): Promise<string> {
  const told = () =>
    job.notReady().find(each => each.startsWith(`partition ${partition} is refused`))
  await world.until(() => told() !== undefined, 'the task is refused')
  assert.equal(world.fatal, [])
  return told() ?? ''
}

const storeOf = (world: JobWorld) =>
  openLevelStore(join(world.folder, 'data', `task-${world.partitionOf(user)}`))

/** Changes the user's bytes in the store of the stopped job. */
async function rewrite(world: JobWorld, change: (bytes: Uint8Array) => number[]): Promise<void> {
  const store = await storeOf(world)
  const bytes = store.get(user)
  if (!bytes || !store.progress) throw new Error('the job has not written its store')
  const states = [[user, Uint8Array.from(change(bytes))]] as const
  await store.write({ states, timersAdded: [], timersRemoved: [], progress: store.progress })
  await store.close()
}

/** A commit as a newer version could make it: a state of a newer format, and progress of this one. */
async function commitAsNewer(world: JobWorld, partition: number, progressVersion: number) {
  const { commits, changelog } = outputTopics(world.name)
  const [committed] = await world.log.committed(commits, world.input, [partition])
  const progress = committed && parseMetadata(committed)
  if (!progress) throw new Error('nothing is committed')
  const renewed = (text: string) => text.replace('"v":1', `"v":${progressVersion}`)
  const options = { transactionalId: `${world.name}-${partition}`, timeoutMs: 10_000 }
  const transactor = world.log.transactor(options)
  await transactor.fence()
  const transaction = transactor.begin()
  const records = [
    { key: user, value: Uint8Array.from([newer, ...new Uint8Array(20)]) },
    { key: markerKey, value: renewed(encodeMarker(progress)) },
  ]
  const [first = -2] = await transaction.send([{ topic: changelog, partition, records }])
  await transaction.sendOffsets(commits, world.input, partition, {
    next: progress.next,
    metadata: renewed(encodeMetadata({ ...progress, changelog: first + 1 })),
  })
  await transaction.commit()
  await transactor.close()
}
