import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readPlan } from '../../collect/plan-files.ts'
import { productReader } from '../../collect/product-row.ts'
import { metrics } from '../../runtime/metrics.ts'
import { scrapedName } from '../../runtime/metrics-page.ts'
import { assert, suite } from '../harness.ts'

const test = suite('the pages about imports and the tracking plan')
const root = fileURLToPath(new URL('../..', import.meta.url))
const text = (file: string) => readFileSync(join(root, file), 'utf8')
const pages = ['docs/IMPORTS.md', 'docs/TRACKING-PLAN.md'].map(file => ({ file, page: text(file) }))

test('the flags, metrics and files that they name exist', () => {
  const flags = readdirSync(join(root, 'cli'))
    .filter(file => file.endsWith('.ts'))
    .map(file => text(`cli/${file}`))
    .join('\n')
  const known = Object.entries(metrics).map(([name, { kind }]) => scrapedName(name, kind))
  for (const { page } of pages) {
    for (const [flag] of page.matchAll(/(?<![\w-])--[a-z][a-z-]+/g))
      assert.match(flags, new RegExp(`'${flag}[ ']`), flag)
    for (const [name] of page.matchAll(/millrace_collect_[a-z_]+/g))
      assert.ok(known.includes(name), name)
    for (const [, path = ''] of page.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      assert.ok(existsSync(join(root, 'docs', path)), path)
  }
})

test('the plan that is shown is one', async () => {
  const blocks = [...(pages[1]?.page ?? '').matchAll(/```json\n([\s\S]*?)```/g)]
  const [schema = '', rules = ''] = blocks.map(([, json = '']) => json)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-plan-'))
  writeFileSync(join(folder, 'Product Viewed@1.json'), schema)
  writeFileSync(join(folder, 'plan.json'), rules)
  const plan = await readPlan(folder)
  rmSync(folder, { recursive: true })
  assert.equal([plan.mode, plan.modeOf('web')], ['observe', 'enforce'])
  const event = { type: 'track', event: 'Product Viewed', properties: { product_id: 'p' } }
  assert.equal(plan.judge(event), [])
})

test('the table of a product names every member that is checked, and no other', () => {
  const [, rest = ''] = text('docs/COLLECT.md').split('\n## The product catalogue\n')
  const table = rest.split('\n## ')[0] ?? ''
  const rows = [...table.matchAll(/^\| (`.*?) \|/gm)].map(([, cell = '']) => cell)
  const named = rows.flatMap(cell => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name))
  const source = text('collect/product-row.ts')
  const schema = source.slice(source.indexOf('properties: {'), source.indexOf('maxProperties'))
  const checked = [...schema.matchAll(/^ {4}(\w+): /gm)].map(([, name = '']) => name)
  assert.equal(named.sort(), [...checked, 'updatedAt'].sort())
  const row = { id: 'p', price: 34.5, currency: 'EUR', stock: 0, own: [1] }
  const read = productReader()(row, 5)
  assert.equal('value' in read && JSON.parse(String(read.value)), { ...row, updatedAt: 5 })
})

test.run()
