import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { retain } from '../../broker/retention.ts'
import { assert, suite } from '../harness.ts'
import { Trial } from './trial.ts'

const test = suite('retention')
let root: string

test.before(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-retention-'))
})
test.after(() => rmSync(root, { recursive: true }))

test('old segments go by age and by size, the newest records stay', async () => {
  const trial = new Trial(root, {
    'cleanup.policy': 'delete',
    'retention.ms': '1000',
    'segment.bytes': '1048576',
  })
  for (let index = 0; index < 4; index++) {
    trial.write([{ key: 'k', value: String(index) }])
    trial.log.roll()
    trial.now += 400
  }
  retain(trial.log)
  assert.equal(trial.values(), ['2 k=2', '3 k=3'])
  await trial.reopen(true)
  assert.is(trial.log.startOffset, 2)
  trial.now += 5000
  retain(trial.log)
  assert.equal([trial.log.startOffset, trial.log.endOffset], [4, 4])
  await trial.reopen(true)
  assert.equal([trial.log.startOffset, trial.log.endOffset], [4, 4])

  const large = new Trial(root, { 'cleanup.policy': 'delete', 'retention.bytes': '3000' })
  for (let index = 0; index < 5; index++) {
    large.write([{ key: 'k', value: 'x'.repeat(1400) }])
    large.log.roll()
  }
  retain(large.log)
  assert.equal(
    large.seen().map(each => each.offset),
    [2, 3, 4],
  )
})

test.run()
