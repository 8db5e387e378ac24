import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { geo } from '../../jobs/geo.ts'
import { type TableSource, type TablesOf, table } from '../../jobs/table.ts'
import { openTables, readTableFiles } from '../../runtime/tables.ts'
import { assert, suite } from '../harness.ts'
import { mmdb } from '../jobs/mmdb.ts'

const test = suite('tables')
const folder = mkdtempSync(join(tmpdir(), 'tables-'))
const jobUrl = pathToFileURL(join(folder, 'job.ts')).href
test.after(() => rmSync(folder, { recursive: true }))

const write = (name: string, content: string | Buffer) => writeFileSync(join(folder, name), content)

async function open(source: TableSource) {
  const sources = { it: source }
  const { tables, warnings } = await openTables(sources, await readTableFiles(sources, jobUrl))
  return { it: tables.it, warnings }
}

async function bad(source: TableSource, message: RegExp): Promise<void> {
  try {
    await open(source)
  } catch (error) {
    assert.is((error as { code?: string }).code, 'bad_table')
    assert.match((error as Error).message, message)
    assert.match((error as Error).message, /table "it"/)
    return
  }
  throw new Error(`taken: ${source.file}`)
}

const products = table('products.csv', { key: 'product_id' })

test('a CSV is read by its header, with quotes, blanks in names, empty lines and a byte order mark', async () => {
  write(
    'products.csv',
    '\ufeffproduct_id,Shown name,category\r\np1,"Mug, ""big""",kitchen\r\n\r\n7,"two\nlines",garden\r\n',
  )
  const { it, warnings } = await open(products)
  assert.equal(it?.get('p1'), { product_id: 'p1', 'Shown name': 'Mug, "big"', category: 'kitchen' })
  assert.equal(it?.get(7), { product_id: '7', 'Shown name': 'two\nlines', category: 'garden' })
  for (const key of ['p2', '', undefined, null, {}, Number.NaN]) assert.is(it?.get(key), undefined)
  assert.equal(warnings, [])
})

test('columns that are asked for are kept, as numbers and truths where they say so', async () => {
  write('typed.csv', 'id,name,price,stock,note\na,Mug,12.50,TRUE,x\nb,,-3e2,false,\nc,Cup,,,\n')
  const sources = {
    typed: table('typed.csv', {
      key: 'id',
      columns: { name: 'text', price: 'number', stock: 'boolean' },
    }),
  }
  const { tables } = await openTables(sources, await readTableFiles(sources, jobUrl))
  assert.equal(tables.typed?.get('a'), { name: 'Mug', price: 12.5, stock: true })
  assert.equal(tables.typed?.get('b'), { price: -300, stock: false })
  assert.equal(tables.typed?.get('c'), { name: 'Cup' })
  const half = ({ typed }: TablesOf<typeof sources>) => (typed.get('a')?.price ?? 0) / 2
  assert.is(half({ typed: { hash: '', get: () => ({ price: 3 }) } }), 1.5)
})

test('NDJSON keeps what JSON says, and nobody can change it', async () => {
  write('products.ndjson', '{"sku":1,"tags":["a"],"in":{"n":2}}\n\n{"sku":"x"}')
  const { it } = await open(table('products.ndjson', { key: 'sku' }))
  const row = it?.get('1') as { tags: string[]; in: { n: number } }
  assert.equal(row, { sku: 1, tags: ['a'], in: { n: 2 } })
  assert.throws(() => row.tags.push('b'), TypeError)
  assert.throws(() => {
    row.in.n = 3
  }, TypeError)
  assert.equal(it?.get('x'), { sku: 'x' })
})

test('of two rows with one key the last one counts, and the log is told which', async () => {
  write('double.csv', 'id,v\na,1\nb,1\na,2\n')
  const { it, warnings } = await open(table('double.csv', { key: 'id' }))
  assert.equal(it?.get('a'), { id: 'a', v: '2' })
  assert.is(warnings.length, 1)
  assert.match(warnings[0] ?? '', /1 rows? .*"a" in line 4/)
})

test('a hash changes with the content and with how it is read, and with nothing else', async () => {
  const hash = async (source: TableSource) => (await open(source)).it?.hash
  write('h1.csv', 'id,v\na,1\n')
  write('h2.csv', 'id,v\na,1\n')
  write('h3.csv', 'id,v\na,2\n')
  const first = await hash(table('h1.csv', { key: 'id' }))
  assert.is(await hash(table('h2.csv', { key: 'id', rowsMax: 7 })), first)
  const others = [
    await hash(table('h3.csv', { key: 'id' })),
    await hash(table('h1.csv', { key: 'v' })),
    await hash(table('h1.csv', { key: 'id', columns: { v: 'text' } })),
    await hash(table('h1.csv', { key: 'id', columns: { v: 'number' } })),
  ]
  assert.is(new Set([first, ...others]).size, 5)
})

test('a file that is missing, a folder, too large or damaged is refused, with the line', async () => {
  await bad(table('none.csv', { key: 'id' }), /none\.csv.*ENOENT.*relative to the job/)
  write('bad.csv', 'id,v\na,1\nb,1,2\n')
  await bad(table('bad.csv', { key: 'id' }), /line 3/)
  write('quote.csv', 'id,v\na,1\nb,"1\n')
  await bad(table('quote.csv', { key: 'id' }), /quote.*line/i)
  await bad(table('bad.csv', { key: 'id', bytesMax: 10 }), /has 15 bytes, and may have 10/)
  await bad(table('bad.csv', { key: 'sku' }), /no column "sku"; its columns are id, v/)
  write('twice.csv', 'id,id\na,1\n')
  await bad(table('twice.csv', { key: 'id' }), /two columns are named "id"/)
  write('nokey.csv', 'id,v\na,1\n,2\n')
  await bad(table('nokey.csv', { key: 'id' }), /line 3 has no id/)
  write('empty.csv', '')
  await bad(table('empty.csv', { key: 'id' }), /empty/)
  write('rows.csv', 'id\na\nb\nc\n')
  await bad(table('rows.csv', { key: 'id', rowsMax: 2 }), /more than 2 rows/)
  write('price.csv', 'id,price\na,1\nb,1.2.3\n')
  await bad(
    table('price.csv', { key: 'id', columns: { price: 'number' } }),
    /line 3: expected a number as price, found "1\.2\.3"/,
  )
  write('bad.ndjson', '{"id":"a"}\n{"id":\n')
  await bad(table('bad.ndjson', { key: 'id' }), /line 2 is no JSON/)
  write('list.ndjson', '[1]\n')
  await bad(table('list.ndjson', { key: 'id' }), /line 1: expected an object/)
  write('nokey.ndjson', '{"id":"a"}\n{"sku":"b"}\n')
  await bad(table('nokey.ndjson', { key: 'id' }), /line 2 has no id/)
})

test('a column named __proto__ is a column', async () => {
  write('proto.csv', 'id,__proto__\na,1\n')
  const { it } = await open(table('proto.csv', { key: 'id' }))
  assert.is(Object.getPrototypeOf(it?.get('a')), Object.prototype)
  assert.is(it?.get('__proto__'), undefined)
})

const berlin = {
  continent: { code: 'EU', names: { en: 'Europe' } },
  country: { iso_code: 'DE', names: { en: 'Germany', de: 'Deutschland' } },
  subdivisions: [{ iso_code: 'BE' }],
  city: { names: { de: 'Berlin', en: 'Berlin' } },
  location: { time_zone: 'Europe/Berlin', accuracy_radius: 20 },
}

test('a place is found by address, of both versions, and says nothing of the address', async () => {
  write('v4.mmdb', mmdb({ '00001010': berlin, '11': { country: { iso_code: 'FR' } } }))
  const { it } = await open(geo('v4.mmdb'))
  const place = it?.get('10.1.2.3')
  assert.equal(place, {
    ...{ continent: 'EU', country: 'DE', region: 'BE', city: 'Berlin' },
    timeZone: 'Europe/Berlin',
  })
  assert.ok(Object.isFrozen(place))
  assert.equal(it?.get('200.0.0.1'), { country: 'FR' })
  for (const none of ['100.0.0.1', 'not an address', '10.1.2', '', undefined, 7, '10.1.2.3.4'])
    assert.is(it?.get(none), undefined)
  const bits = (hex: string) =>
    [...hex].map(digit => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('')
  write('v6.mmdb', mmdb({ [bits('20010db8')]: berlin }, { ipVersion: 6 }))
  const six = await open(geo('v6.mmdb'))
  assert.is(six.it?.get('2001:db8::1')?.city, 'Berlin')
  assert.is(six.it?.get('2001:db9::1'), undefined)
})

test('a database that is none, or cut, is refused', async () => {
  write('text.mmdb', 'country,DE')
  await bad(geo('text.mmdb'), /no MaxMind DB/)
  const whole = mmdb({ '00001010': berlin })
  write('cut.mmdb', whole.subarray(0, whole.length - 40))
  await bad(geo('cut.mmdb'), /no MaxMind DB/)
  write('empty.mmdb', '')
  await bad(geo('empty.mmdb'), /no MaxMind DB/)
})

test.run()
