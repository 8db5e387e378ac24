import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWitness } from '../../runtime/witness.ts'
import { assert, suite } from '../harness.ts'

const test = suite('the witness of what was in hand')

test('tells the next one what was last told, and nothing where nobody was', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-witness-'))
  try {
    const path = join(folder, 'new', 'hand-0')
    const first = openWitness(path)
    assert.is(first.left, undefined)
    first.tell(7)
    first.close()
    const second = openWitness(path)
    assert.is(second.left, 7)
    second.tell(2 ** 52 + 1)
    second.tell(-1)
    second.close()
    const third = openWitness(path)
    assert.is(third.left, -1)
    third.close()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.run()
