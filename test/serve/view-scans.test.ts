import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromStart } from '../../serve/progress.ts'
import { QueueFull } from '../../serve/read-queue.ts'
import { encodeRow } from '../../serve/row.ts'
import { openView } from '../../serve/view.ts'
import { assert, suite } from '../harness.ts'

const test = suite('scans of a view')
const NOW = 1_800_000_000_000

test('64 wait for each other; one more is refused, and those that come later are taken', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-scans-'))
  const view = await openView(folder)
  await view.reset('email.features', [fromStart(0, NOW)])
  const json = JSON.stringify({ key: 'anna', features: {}, segments: ['loyal'] })
  const row = encodeRow({ version: [1, 0], partition: 0, json })
  await view.apply(0, [['anna', row]], fromStart(2, NOW))
  await view.flush()
  const byPrefix = async () => (await view.withPrefix('an', 2)).map(([key]) => key)
  const bySegment = async () => (await view.members('loyal', undefined, 2)).users
  const scans = Array.from({ length: 64 }, (_, at) => (at % 2 === 0 ? byPrefix() : bySegment()))
  for (const scan of [byPrefix, bySegment]) {
    const refused = await scan().catch((error: unknown) => error)
    assert.instance(refused, QueueFull)
  }
  for (const found of await Promise.all(scans)) assert.equal(found, ['anna'])
  assert.equal([await byPrefix(), await bySegment()], [['anna'], ['anna']])
  await view.close()
  await rm(folder, { recursive: true })
})

test.run()
