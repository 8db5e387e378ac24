import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lookHere } from '../../cli/erasure-local.ts'
import { assert, suite } from '../harness.ts'

const test = suite('erasure-local')

test('a name is found in what collect spools and in what it has set aside', async () => {
  const data = await mkdtemp(join(tmpdir(), 'erasure-local-'))
  try {
    for (const [folder, text] of [
      ['spool', 'a frame of u-41'],
      ['refused', 'a frame of u-42'],
    ] as const) {
      await mkdir(join(data, 'collect', '1', folder), { recursive: true })
      await writeFile(join(data, 'collect', '1', folder, '1.spool'), text)
    }
    const found = async (name: string) =>
      (await lookHere(data, [name])).filter(({ ok }) => !ok).map(({ place }) => place)
    assert.equal(await found('u-41'), [join(data, 'collect', '1', 'spool')])
    assert.equal(await found('u-42'), [join(data, 'collect', '1', 'refused')])
    assert.equal(await found('u-43'), [])
  } finally {
    await rm(data, { recursive: true, force: true })
  }
})

test.run()
