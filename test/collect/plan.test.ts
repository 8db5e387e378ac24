import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePlan } from '../../collect/plan.ts'
import { readPlan } from '../../collect/plan-files.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('tracking plan')
const viewed = {
  type: 'object',
  required: ['product_id'],
  properties: {
    product_id: { type: 'string' },
    price: { type: 'number', minimum: 0 },
    variants: { type: 'array', items: { type: 'object', properties: { sku: { type: 'string' } } } },
  },
}
const plan = makePlan([
  { name: 'Product Viewed', version: 1, schema: viewed },
  { name: 'Product Viewed', version: 2, schema: { ...viewed, required: ['product_id', 'price'] } },
  { name: 'identify', version: 1, schema: { properties: { email: { format: 'email' } } } },
])
const view = (properties: unknown, context: unknown = {}) =>
  plan.judge({ type: 'track', event: 'Product Viewed', properties, context })
let folder: string

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-plan-'))
})
test.after.each(() => rmSync(folder, { recursive: true }))

test('finds nothing wrong with what fits, and with events that it does not have', () => {
  assert.equal(view({ product_id: 'p1', price: 3 }), [])
  assert.equal(plan.judge({ type: 'track', event: 'Other', properties: 7 }), [])
  assert.equal(plan.judge({ type: 'page', properties: { price: 'x' } }), [])
})

test('says where an event does not fit and what was expected, and never what came', () => {
  assert.equal(view({ product_id: 'secret', price: 'secret' }), [
    { path: 'properties.price', reason: 'must be number, is string' },
  ])
  assert.equal(view({}), [
    { path: 'properties', reason: "must have required property 'product_id'" },
  ])
  assert.equal(view(undefined), [
    { path: 'properties', reason: "must have required property 'product_id'" },
  ])
  assert.equal(view('secret'), [{ path: 'properties', reason: 'must be object, is string' }])
  assert.equal(view({ product_id: 'p', variants: [{}, { sku: 7 }] }), [
    { path: 'properties.variants.1.sku', reason: 'must be string, is number' },
  ])
})

test('judges identify by its traits', () => {
  assert.equal(plan.judge({ type: 'identify', traits: { email: 'secret' } }), [
    { path: 'traits.email', reason: 'must match format "email"' },
  ])
  assert.equal(plan.judge({ type: 'identify', traits: { email: 'ann@example.com' } }), [])
})

test('judges by the version that an event states, and by the oldest where it states none', () => {
  const stating = (version: unknown) =>
    view({ product_id: 'p' }, { protocols: { event_version: version } })
  assert.equal(view({ product_id: 'p' }), [])
  assert.equal(stating(1), [])
  const [second] = stating(2)
  assert.equal(second, { path: 'properties', reason: "must have required property 'price'" })
  assert.equal(stating('2'), [second])
  for (const other of [3, 'two', { two: 2 }, true, Number.NaN]) {
    const [fault] = stating(other)
    assert.is(fault?.path, 'context.protocols.event_version')
    assert.match(fault?.reason ?? '', /it has 1, 2$/)
  }
})

test('does not take names of the object prototype for names of events', () => {
  for (const event of ['constructor', '__proto__', undefined, {}])
    assert.equal(plan.judge({ type: 'track', event, properties: {} }), [])
  assert.equal(plan.judge({ type: 'constructor' }), [])
  assert.is(plan.modeOf('constructor'), 'observe')
})

test('has a mode for all, and another for sources that are named', () => {
  const modes = makePlan([], { mode: 'enforce', sources: { app: 'observe' } })
  assert.equal([modes.modeOf('web'), modes.modeOf('app')], ['enforce', 'observe'])
  assert.is(plan.mode, 'observe')
})

test('can find fault with names that it does not have', () => {
  const strict = makePlan([], { unplanned: 'fault' })
  const [fault] = strict.judge({ type: 'track', event: 'secret' })
  assert.equal(fault, {
    path: 'event',
    reason: 'is a name that the tracking plan does not have',
  })
  assert.equal(strict.judge({ type: 'page' }), [])
})

test('is read from a folder: a file for each version, and the rules', async () => {
  write('Product Viewed@1.json', viewed)
  write('Product Viewed@2.json', { ...viewed, required: ['product_id', 'price'] })
  write('Tea%2FCoffee@1.json', { required: ['cups'] })
  write('plan.json', { mode: 'enforce', sources: { app: 'observe' }, unplanned: 'fault' })
  writeFileSync(join(folder, 'README.md'), 'not read')
  mkdirSync(join(folder, 'old.json'))
  const read = await readPlan(folder)
  assert.equal([read.mode, read.modeOf('app')], ['enforce', 'observe'])
  const judge = (event: string, properties: unknown, context = {}) =>
    read.judge({ type: 'track', event, properties, context }).map(({ path }) => path)
  assert.equal(judge('Product Viewed', { product_id: 'p' }), [])
  assert.equal(judge('Product Viewed', { product_id: 'p' }, { protocols: { event_version: 2 } }), [
    'properties',
  ])
  assert.equal(judge('Tea/Coffee', {}), ['properties'])
  assert.equal(judge('Other', {}), ['event'])
})

test('that cannot be used says which file it is and what was expected', async () => {
  const refused = async (name: string, text: string, expected: RegExp) => {
    writeFileSync(join(folder, name), text)
    await rejects(() => readPlan(folder), expected)
    rmSync(join(folder, name))
  }
  await rejects(() => readPlan(folder), /has no schema: expected files such as "Product Viewed@1/)
  await rejects(() => readPlan(join(folder, 'none')), /none cannot be read as a folder: ENOENT/)
  write('ok@1.json', {})
  await refused('Product Viewed.json', '{}', /Product Viewed.json names no event and version/)
  await refused('Product Viewed@0.json', '{}', /names no event and version/)
  await refused('Product Viewed@02.json', '{}', /names no event and version/)
  await refused('%zz@1.json', '{}', /%zz@1.json names no event/)
  await refused('View@1.json', '{', /View@1.json is not JSON/)
  await refused('View@1.json', '7', /the schema of "View", version 1: it is no object/)
  await refused('View@1.json', '{"typ":"object"}', /"View", version 1: .*unknown keyword: "typ"/)
  await refused('View@1.json', '{"$schema":"draft-04"}', /drafts 2020-12, 2019-09 and 07 are read/)
  await refused('plan.json', '{"mode":"block"}', /found another mode/)
  await refused('plan.json', '{"modes":{}}', /found "modes"/)
  await refused('plan.json', '{"sources":{"app":true}}', /source "app" has another mode/)
  await refused('plan.json', '[]', /found no object/)
})

test.run()

function write(name: string, content: unknown): void {
  writeFileSync(join(folder, name), JSON.stringify(content))
}
