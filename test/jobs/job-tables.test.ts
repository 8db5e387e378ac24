import {
  count,
  defineJob,
  deviceOf,
  geo,
  lastValue,
  process,
  type TablesOf,
  table,
} from '../../jobs/define-job.ts'
import type { Event } from '../../jobs/event.ts'
import type { Job } from '../../jobs/job.ts'
import { decodedAlone, encodedAlone } from '../../jobs/state-bytes.ts'
import type { Tables } from '../../jobs/table.ts'
import { testJob } from '../../runtime/test-job.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'

const test = suite('job-tables')

const sources = {
  products: table('products.csv', { key: 'sku', columns: { category: 'text', price: 'number' } }),
  places: geo('places.mmdb'),
}
type Shop = TablesOf<typeof sources>

const categoryOf = (event: Event, { products }: Shop) =>
  products.get(event.properties.sku)?.category

const job = defineJob({
  name: 'shop',
  input: 'events',
  tables: sources,
  schemas: { 'Product Viewed': { properties: { sku: { type: 'string' } } } },
  features: {
    garden: count({ where: (event, tables: Shop) => categoryOf(event, tables) === 'garden' }),
    category: lastValue({ value: categoryOf }),
    country: lastValue({ value: (event, tables) => tables.places?.get(event.context.ip)?.country }),
    device: lastValue({ value: event => deviceOf(event.context.userAgent).kind }),
    seen: process<string[]>({
      create: () => [],
      on: (seen, event, { tables }) => {
        seen.push(String(tables.products?.get(event.properties.sku)?.price))
      },
      value: seen => seen,
    }),
  },
})

const tableOf = (hash: string, rows: Record<string, Record<string, unknown>>) => ({
  hash,
  get: (key: unknown) => rows[String(key)],
})
const tables: Tables = {
  products: tableOf('p1', { a: { category: 'garden', price: 2 }, b: { category: 'kitchen' } }),
  places: tableOf('g1', { '10.0.0.1': { country: 'DE' } }),
}

function rowAfter(one: Job, event: Partial<Event>): Readonly<Record<string, unknown>> {
  const state = one.create()
  one.absorb(state, eventOf(event), contextOf())
  return one.row(state).features
}

function bound(given = tables): Job {
  if (!job.tables) throw new Error('the job has tables')
  return job.tables.bind(given) as Job
}

test("a job's functions look things up in its tables", () => {
  const userAgent =
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'
  const context = { ip: '10.0.0.1', userAgent }
  assert.equal(rowAfter(bound(), { properties: { sku: 'a' }, context }), {
    ...{ garden: 1, category: 'garden', country: 'DE', device: 'desktop', seen: ['2'] },
  })
  const other = rowAfter(bound(), { properties: { sku: 'b' }, context: {} })
  assert.is(other.garden, 0)
  assert.is(other.category, 'kitchen')
})

test('a job without its tables says so, event by event', () => {
  assert.throws(
    () => rowAfter(job as Job, { properties: { sku: 'a' } }),
    /feature "garden": its where function threw: table "products" has not been read/,
  )
  assert.throws(() => bound({ products: tableOf('p1', {}) }), /table "places" is missing/)
})

test('another content of a table is another job, and the same content is the same one', () => {
  const hashes = [
    job.hash,
    bound().hash,
    bound({ ...tables, products: tableOf('p2', {}) }).hash,
    bound({ ...tables, places: tableOf('g2', {}) }).hash,
  ]
  assert.is(new Set(hashes).size, 4)
  assert.is(bound({ ...tables, products: tableOf('p1', {}) }).hash, bound().hash)
  assert.is(bound().tables, undefined)
})

test('the state of a feature stays when only a table has changed', () => {
  const before = bound()
  const state = before.create()
  before.absorb(state, eventOf({ properties: { sku: 'a' } }), contextOf())
  const after = bound({ ...tables, products: tableOf('p2', { a: { category: 'kitchen' } }) })
  const kept = decodedAlone(after, encodedAlone(before, state))
  after.absorb(kept, eventOf({ properties: { sku: 'a' } }), contextOf())
  assert.is(after.row(kept).features.garden, 1)
  assert.is(after.row(kept).features.category, 'kitchen')
})

test('an event is checked against the schema of its name', () => {
  bound().check?.(eventOf({ properties: { sku: 'a' } }))
  assert.throws(() => bound().check?.(eventOf({ properties: { sku: 7 } })), /sku must be string/)
})

test('a test of a job gives it its tables as rows', () => {
  const rows = {
    products: { a: { category: 'garden' } },
    places: { '10.0.0.1': { country: 'DE' } },
  }
  const t = testJob(job, { tables: rows })
  t.send({ event: 'Product Viewed', properties: { sku: 'a' }, context: { ip: '10.0.0.1' } })
  t.send({ event: 'Product Viewed', properties: { sku: 7 } })
  const { garden, country } = t.features('u1') ?? {}
  assert.equal([garden, country], [1, 'DE'])
  assert.equal(t.dead(), [
    {
      code: 'schema_failed',
      reason: '"Product Viewed": properties/sku must be string, is number',
    },
  ])
})

test('another schema is another job', () => {
  const of = (schemas: Record<string, object>) =>
    defineJob({
      name: 'shop',
      input: 'events',
      features: { views: count({}) },
      schemas: schemas as Record<string, Record<string, unknown>>,
    }).hash
  assert.is(of({ A: { type: 'object' } }), of({ A: { type: 'object' } }))
  assert.is.not(of({ A: { type: 'object' } }), of({ A: { required: ['x'] } }))
  assert.is.not(of({ A: { type: 'object' } }), of({ B: { type: 'object' } }))
})

test('wrong tables fail the definition, and say how to write them', () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => table('products.txt', { key: 'sku' }), /table "products.txt": .*such as products.csv/],
    [
      () => table('products.csv', {} as { key: string }),
      /key is undefined; write .*key: 'product_id'/,
    ],
    [() => table('a.csv', { key: 'k', colums: {} } as { key: string }), /unknown option "colums"/],
    [() => table('a.csv', { key: 'k', columns: { p: 'money' } as never }), /column "p" is "money"/],
    [() => table('a.csv', { key: 'k', columns: {} }), /columns is empty/],
    [() => table('a.csv', { key: 'k', rowsMax: 0 }), /rowsMax is 0; write a whole number from 1/],
    [() => table('a.csv', { key: 'k', bytesMax: 2 ** 40 }), /bytesMax is 1099511627776/],
    [() => geo('places.csv'), /geo "places.csv": .*such as GeoLite2-City.mmdb/],
    [() => withTables({ Products: 'products.csv' }), /table "Products" is no table; write tables/],
    [() => withTables({ '1': sources.places }), /a table is named "1"/],
    [() => withTables([]), /its tables are no object/],
  ]
  for (const [define, message] of wrong)
    assert.throws(define, (error: { code?: string; message: string }) => {
      assert.is(error.code, 'bad_definition', error.message)
      assert.match(error.message, message)
      return true
    })
})

const withTables = (given: unknown) =>
  defineJob({
    ...{ name: 'x', input: 'events', features: { views: count({}) } },
    tables: given as typeof sources,
  })

test.run()
