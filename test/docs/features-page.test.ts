import { readFile } from 'node:fs/promises'
import { featuresPage } from '../../docs/features-page.ts'
import * as language from '../../jobs/define-job.ts'
import { assert, suite } from '../harness.ts'

const test = suite('the reference of the feature language')

const written = await readFile(new URL('../../docs/FEATURES.md', import.meta.url), 'utf8')

test('is what the docstrings make', () => {
  const how = 'run: node --import ./bin/typescript.js docs/features-page.ts > docs/FEATURES.md'
  assert.is(written, featuresPage(), how)
})

/** Told in docs/ENRICHMENT.md. */
const elsewhere = ['defineJob', 'deviceOf', 'geo', 'table']

test('tells of every word that a job can import', () => {
  for (const [name, value] of Object.entries(language))
    if (typeof value === 'function' && !elsewhere.includes(name))
      assert.ok(written.includes(`### \`${name}(`), `${name} has no docstring before its function`)
})

test.run()
