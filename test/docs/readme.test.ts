import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Block } from '../../content/block.ts'
import type { Job } from '../../jobs/job.ts'
import { assert, suite } from '../harness.ts'

const test = suite('README')
const root = new URL('../../', import.meta.url)
const readme = await readFile(new URL('README.md', root), 'utf8')
const [job = '', blocks = ''] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(
  ([, code]) => code,
)

/** A module of the package's names, run from source. */
async function load<Module>(name: string, code: string): Promise<Module> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-readme-'))
  try {
    const file = join(folder, name)
    const source = (path: string) => `'${new URL(path, root).href}'`
    await writeFile(
      file,
      code
        .replace("'millrace/block'", source('content/block.ts'))
        .replace("'millrace'", source('jobs/define-job.ts')),
    )
    return (await import(pathToFileURL(file).href)) as Module
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('its job is one', async () => {
  const module = await load<{ default: Job }>('job.ts', job)
  assert.is(module.default.name, 'email')
})

test('its block shows what was viewed, and its fallback where nothing is known', async () => {
  const [block] = (await load<{ blocks: Block[] }>('blocks.ts', blocks)).blocks
  const kettle = { id: 'kettle', title: 'A kettle' }
  const products = (ids: readonly string[]) => ids.flatMap(id => (id === 'kettle' ? kettle : []))
  const input = { user: 'u', segments: [], recommended: [], products, now: 0 }
  const shown = block?.shape({ ...input, features: { lastViewed: ['kettle', 'gone'] } })
  assert.equal(shown, { items: [kettle] })
  assert.equal(block?.shape({ ...input, features: {} }), { items: [] })
  assert.equal(block?.fallback, { items: [] })
})

test('every file that it names is there', async () => {
  for (const [, path = ''] of readme.matchAll(/\]\((?!http)([^)#]+)/g))
    assert.ok(await readFile(new URL(path, root)), path)
})

test.run()
