import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import retail from '../../jobs/retail.ts'
import { assert, rejects, suite } from '../harness.ts'
import { assertJobEqualsOracle } from './alone-equals.ts'
import { assertSameFeatures, differences } from './compare.ts'
import { retailEvent } from './events.ts'
import { type RetailLine, retailColumns, retailLines } from './lines.ts'
import { type ExpectedFeatures, retailOracle } from './oracle.ts'
import { writeShop } from './shop.ts'

const test = suite('retail features')
let folder = ''
let shop = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-retail-'))
  shop = join(folder, 'shop.csv.gz')
  await writeShop(shop, { seed: 3, lines: 20_000, customers: 300 })
})
test.after(() => rm(folder, { recursive: true }))

test('a line becomes an event of its kind, with its number as message id', async () => {
  const path = await csv([
    '536365,85123A,"HEART, ""SMALL""",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
    'C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,United Kingdom',
    'A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom',
  ])
  const lines: RetailLine[] = []
  for await (const line of retailLines(path)) lines.push(line)
  const events = lines.map(retailEvent)

  assert.equal(
    events.map(({ key }) => key),
    ['17850', '14527', null],
  )
  assert.equal(JSON.parse(events[0]?.value ?? ''), {
    messageId: '2',
    type: 'track',
    event: 'Order Completed',
    userId: '17850',
    timestamp: '2010-12-01T08:26:00Z',
    properties: {
      invoice: '536365',
      product: '85123A',
      description: 'HEART, "SMALL"',
      quantity: 6,
      price: 2.55,
      country: 'United Kingdom',
    },
  })
  const kinds = events.map(({ value }) => JSON.parse(value) as { event: string; userId?: string })
  assert.equal(
    kinds.map(({ event, userId }) => [event, userId]),
    [
      ['Order Completed', '17850'],
      ['Order Refunded', '14527'],
      ['Adjustment', undefined],
    ],
  )
})

test('a file of other columns, cut off, or not there is an error', async () => {
  const other = join(folder, 'other.csv.gz')
  await writeFile(other, gzipSync('a,b,c\n1,2,3\n'))
  await rejects(() => count(other), /begins with "a,b,c"/)
  const whole = gzipSync(`${retailColumns.join(',')}\n${'1,2,3,4,5,6,7,8\n'.repeat(5000)}`)
  await writeFile(other, whole.subarray(0, whole.length - 20))
  await rejects(() => count(other), 'Z_BUF_ERROR')
  await rejects(() => count(join(folder, 'none.csv.gz')), 'ENOENT')
})

test('the oracle says what a person reckons for a customer', async () => {
  const path = await csv([
    '1,A,,2,2010-12-01 08:00:00,1.50,7.0,UK',
    '1,A,,2,2010-12-01 08:00:00,1.50,7.0,UK',
    '2,B,,1,2010-12-20 08:00:00,10,7.0,UK',
    '3,A,,1,2011-01-12 08:00:00,0.001,7.0,UK',
    'C4,B,,-1,2011-01-12 09:00:00,10,7.0,UK',
    'A5,X,,1,2011-01-18 23:59:00,999,7.0,UK',
    '6,Z,,1,2011-01-18 23:59:00,5,,UK',
    'C7,Q,,-3,2011-01-19 00:00:00,2,8.0,UK',
  ])
  const { features, lines, linesWithoutCustomer } = await retailOracle(path)
  assert.equal([lines, linesWithoutCustomer, features.size], [8, 1, 2])
  assert.equal(features.get('7'), {
    orders: 3,
    units: 5,
    revenue: 6.001,
    lastProducts: ['A', 'B'],
    lines30d: 2,
    units30d: 1,
    revenue30d: 0.001,
    revenue7d: -9.999,
    firstAt: Date.UTC(2010, 11, 1, 8),
    lastAt: Date.UTC(2011, 0, 18, 23, 59),
  })
  assert.equal(features.get('8')?.orders, 0)
  assert.equal(features.get('8')?.lastProducts, [])
  assert.equal(features.get('8')?.units30d, -3)
})

test('a difference in any field, and a customer too many or too few, is told', () => {
  const expected = new Map([
    ['1', sample],
    ['2', sample],
  ])
  const same = { ...sample, revenue: sample.revenue * (1 + 1e-12) }
  assert.equal(
    differences(
      expected,
      new Map([
        ['1', same],
        ['2', sample],
      ]),
    ),
    [],
  )

  const changes = {
    orders: 3,
    units: 8,
    revenue: sample.revenue * (1 + 1e-8),
    lastProducts: ['B', 'A'],
    lines30d: 0,
    units30d: 0.5,
    revenue30d: 1e-8,
    revenue7d: Number.NaN,
    firstAt: 2,
    lastAt: null,
    surplus: 1,
  }
  for (const [field, found] of Object.entries(changes)) {
    const list = differences(
      expected,
      new Map([
        ['1', { ...sample, [field]: found }],
        ['2', sample],
      ]),
    )
    assert.equal(
      list.map(difference => [difference.customer, difference.field]),
      [['1', field]],
    )
  }
  const other = differences(
    expected,
    new Map([
      ['1', sample],
      ['3', sample],
    ]),
  )
  assert.equal(
    other.map(({ customer }) => customer),
    ['2', '3'],
  )
})

test('the first ten differences are shown, and comparing with nobody is no success', async () => {
  const expected = new Map(Array.from({ length: 15 }, (_, n) => [String(n), sample]))
  const found = new Map(Array.from(expected.keys(), key => [key, { ...sample, orders: 9 }]))
  const error = await rejects(
    () => assertSameFeatures(expected, found),
    /^15 fields of 15 customers/,
  )
  assert.is(error.message.split('\n').length, 11)
  assert.match(error.message, 'customer 0, orders: expected 2, found 9')
  await rejects(() => assertSameFeatures(new Map(), new Map()), /nothing was compared/)
})

test('the job alone equals the oracle for every customer of a generated shop', async () => {
  await assertJobEqualsOracle(retail, shop)
})

test('a generated shop has what the real one has', async () => {
  const { features, linesWithoutCustomer } = await retailOracle(shop)
  const seen = new Set<string>()
  let equal = 0
  for await (const { line: _, ...rest } of retailLines(shop)) {
    const text = JSON.stringify(rest)
    if (seen.has(text)) equal += 1
    seen.add(text)
  }
  assert.ok(equal > 100)
  assert.ok(linesWithoutCustomer > 2_000)
  assert.ok(features.size > 250)
  const all = [...features.values()]
  assert.ok(all.some(each => each.revenue30d !== each.revenue7d))
  assert.ok(all.some(each => each.lines30d > 0 && each.revenue30d !== each.revenue))
  assert.ok(all.some(each => each.orders === 0))
})

test.run()

const sample: ExpectedFeatures = {
  orders: 2,
  units: 7,
  revenue: 123_456.78,
  lastProducts: ['A', 'B'],
  lines30d: 4,
  units30d: 0,
  revenue30d: 0,
  revenue7d: 0,
  firstAt: 1,
  lastAt: 2,
}

async function csv(lines: readonly string[]): Promise<string> {
  const path = join(folder, `${Math.random()}.csv.gz`)
  await writeFile(path, gzipSync(`${[retailColumns.join(','), ...lines].join('\n')}\n`))
  return path
}

async function count(path: string): Promise<number> {
  let lines = 0
  for await (const _ of retailLines(path)) lines += 1
  return lines
}
