import { assert, suite } from '../harness.ts'
import { DAY_MS, newWorld, START, Trial } from './sidecar-world.ts'

const test = suite('sidecar, read anew')
let trial: Trial

test.before.each(async () => {
  trial = await Trial.begin()
})

test.after.each(() => trial.end())

test('the view is read anew when the topic went on without it for more than six days', async () => {
  trial.world.row('anna', [1, 0], 1)
  await trial.start()
  await trial.untilReady()
  await trial.stop()
  // The tombstone of anna has come and gone; nothing else about the topic tells that the view is too old.
  trial.world = newWorld(START + 7 * DAY_MS)
  for (let n = 0; n < 40; n++) trial.world.row(`other ${n % 4}`, [3 + n, 0], n)
  await trial.start()
  await trial.untilReady()
  assert.is((await trial.features('anna')).status, 404)
  assert.is((await trial.features('other 1')).status, 200)
})

test('the view is kept over five days', async () => {
  trial.world.row('anna', [1, 0], 1)
  await trial.start()
  await trial.untilReady()
  await trial.stop()
  trial.world = newWorld(START + 5 * DAY_MS)
  for (let n = 0; n < 40; n++) trial.world.row(`other ${n % 4}`, [3 + n, 0], n)
  await trial.start()
  await trial.untilReady()
  assert.is((await trial.features('anna')).status, 200)
})

test('the view is read anew from a topic that is not the one it was read from', async () => {
  for (let n = 0; n < 20; n++) trial.world.row(`user ${n}`, [n, 0], n)
  await trial.start()
  await trial.untilReady()
  await trial.stop()
  trial.world = newWorld(START + 60_000)
  trial.world.row('new', [1, 0], 1)
  await trial.start()
  await trial.untilReady()
  assert.is((await trial.features('user 1')).status, 404)
  await trial.stop()
  trial.world = newWorld(START + 120_000, { partitions: 3 })
  trial.world.row('newer', [1, 0], 1)
  await trial.start()
  await trial.untilReady()
  assert.is((await trial.features('new')).status, 404)
  assert.is((await trial.features('newer')).status, 200)
})

test('records that were deleted before they were read make it read anew, also while it runs', async () => {
  trial.world.row('anna', [1, 0], 1)
  await trial.start()
  await trial.untilReady()
  trial.world.handle.process.freeze(10_000)
  await trial.world.pass(1_000)
  for (let n = 0; n < 20; n++) trial.world.erase('anna')
  for (const partition of trial.world.partitions()) partition.moveStart(partition.end)
  trial.world.row('nora', [9, 0], 9)
  await trial.until(async () => (await trial.features('nora')).status === 200)
  assert.is((await trial.features('anna')).status, 404)
  await trial.untilReady()
})

test.run()
