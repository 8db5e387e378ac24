import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Job } from '../../jobs/job.ts'
import { testJob } from '../../runtime/test-job.ts'
import { assert, suite } from '../harness.ts'

const test = suite('the example in ENRICHMENT.md')
const page = await readFile(new URL('../../docs/ENRICHMENT.md', import.meta.url), 'utf8')

test('runs as it stands there', async () => {
  const [, example = ''] = /```ts\n(.*?)```/s.exec(page) ?? []
  const language = new URL('../../jobs/define-job.ts', import.meta.url).href
  const folder = await mkdtemp(join(tmpdir(), 'enrichment-'))
  try {
    const file = join(folder, 'job.ts')
    await writeFile(file, example.replace("'millrace'", `'${language}'`))
    const { default: job } = (await import(pathToFileURL(file).href)) as { default: Job }
    const t = testJob(job, {
      tables: {
        products: { rake: { category: 'garden' }, mug: { category: 'kitchen' } },
        places: { '10.0.0.1': { country: 'DE' } },
      },
    })
    for (const product_id of ['rake', 'mug', 'rake', 'hat'])
      t.send({ event: 'Product Viewed', properties: { product_id }, context: { ip: '10.0.0.1' } })
    assert.equal(t.dead(), [])
    const { gardenViews, country, topCategories } = t.features('u1') ?? {}
    assert.is(gardenViews, 2)
    assert.is(country, 'DE')
    assert.match(JSON.stringify(topCategories), /garden.*kitchen/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.run()
