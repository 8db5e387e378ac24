import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { importRows } from '../../cli/import.ts'
import { type Reading, rowsIn } from '../../cli/import-file.ts'
import { digestOf, type ImportPosition, startOf } from '../../cli/import-position.ts'
import { CollectError } from '../../collect/collect-client.ts'
import { quickClock } from '../collect/quick-clock.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('import')
let folder: string
let taken: Record<string, unknown>[]
let badLines: [number, string][]
/** Of the collect that stands in. */
let diesAt: number
let ends: AbortController

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-import-'))
  taken = []
  badLines = []
  diesAt = Number.POSITIVE_INFINITY
  ends = new AbortController()
})
test.after.each(() => rmSync(folder, { recursive: true }))

test('columns become a profile: its own by their names, the others traits, nested and typed as they say', async () => {
  const csv =
    'userId,email,address.city,age:number,vip:boolean,tags:json,timestamp,empty\n7,a@b.c,Bern,41,yes,"[""x""]",2026-01-01,\n'
  await run({ kind: 'profiles' }, 'people.csv', csv)
  assert.equal(withoutIds(), [
    {
      ...{ userId: '7', timestamp: '2026-01-01' },
      traits: { email: 'a@b.c', address: { city: 'Bern' }, age: 41, vip: true, tags: ['x'] },
    },
  ])
})

test('columns are renamed and left out as the flags say', async () => {
  const columns = ['Kunde=userId', 'Alter=age:number', 'Notiz=', 'Stadt=address.city', 'Ort = x=y']
  const csv = '\ufeffKunde;Alter;Notiz;Stadt;Ort = x\nann;41;secret;"Bern; West";z\n'
  await run({ kind: 'profiles', delimiter: ';', columns }, 'people.csv', csv)
  assert.equal(withoutIds(), [
    { userId: 'ann', traits: { age: 41, address: { city: 'Bern; West' }, y: 'z' } },
  ])
})

test('events get the name of the file, or of their column, and products their numbers', async () => {
  const csv = 'userId,timestamp,order_id,revenue:number\nann,2026-01-01,o1,30.5\n'
  await run({ kind: 'events', event: 'Order Completed' }, 'orders.csv', csv)
  await run(
    { kind: 'events' },
    'more.tsv',
    'userId\tevent\ttype\tx\nann\tSeen\t\t1\nbob\t\tpage\t2\n',
  )
  assert.equal(withoutIds(), [
    {
      ...{ type: 'track', event: 'Order Completed', userId: 'ann', timestamp: '2026-01-01' },
      properties: { order_id: 'o1', revenue: 30.5 },
    },
    { type: 'track', event: 'Seen', userId: 'ann', properties: { x: '1' } },
    { type: 'page', userId: 'bob', properties: { x: '2' } },
  ])
  taken.length = 0
  await run(
    { kind: 'products', columns: ['sku=id'] },
    'p.csv',
    'sku,title,price,stock\np1,Teapot,34.5,3\n',
  )
  assert.equal(taken, [{ id: 'p1', title: 'Teapot', price: 34.5, stock: 3 }])
})

test('NDJSON is taken as it is, also packed, and keeps its own message ids', async () => {
  const lines =
    '{"type":"page","userId":"a","messageId":"m1"}\n\n{"userId":"b","properties":{"x":1}}'
  await run({ kind: 'events', event: 'Seen' }, 'events.ndjson.gz', gzipSync(lines))
  assert.equal(taken[0], { type: 'page', userId: 'a', messageId: 'm1' })
  assert.match(String(taken[1]?.messageId), /^import:[0-9a-f]{20}:3$/)
  assert.equal(withoutIds()[1], { type: 'track', event: 'Seen', userId: 'b', properties: { x: 1 } })
})

test('bad lines are told with their number and without what they hold, counted and left out', async () => {
  const csv =
    'userId,age:number\nann,41\nsecret\nbob,secret\n"cid\nx",1\nu,1,secret\nbad,1\neve,2\n'
  const position = await run({ kind: 'profiles' }, 'people.csv', csv)
  assert.equal(badLines, [
    [3, 'it has 1 cells, and the header 2'],
    [4, 'column age:number: expected a number, found something else'],
    [7, 'it has 3 cells, and the header 2'],
    [8, 'userId is bad'],
  ])
  assert.equal([position.rows, position.accepted, position.bad, position.done], [7, 3, 4, true])
  badLines = []
  await run(
    { kind: 'profiles' },
    'people.ndjson',
    '{"userId":"a"}\n{secret\n[7]\n"x"\n' +
      `{"a":"${'x'.repeat(300_000)}"}\n{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
  )
  assert.equal(badLines, [
    [2, 'it is not JSON'],
    [3, 'it is no JSON object'],
    [4, 'it is no JSON object'],
    [5, 'it is longer than 262144 bytes'],
    [6, 'it is nested too deeply'],
  ])
})

test('goes on after the rows that are safe when it died, and brings every row once or with the same id', async () => {
  const csv = `userId,n:number\n${Array.from({ length: 2_300 }, (_, at) => `u${at % 7},${at}`).join('\n')}\n`
  diesAt = 4
  await rejects(() => run({ kind: 'profiles' }, 'people.csv', csv), 'collect_away')
  assert.is(taken.length, 1_500)
  assert.is(kept().rows, 1_500)
  diesAt = Number.POSITIVE_INFINITY
  writeFileSync(position(), JSON.stringify({ ...kept(), rows: 1_000, accepted: 1_000 })) // a second older
  const done = await run({ kind: 'profiles' }, 'people.csv', csv)
  assert.equal([done.rows, done.accepted, done.done], [2_300, 2_300, true])
  assert.is(taken.length, 2_800)
  const byId = new Map(taken.map(row => [row.messageId, (row.traits as { n: number }).n]))
  assert.is(byId.size, 2_300)
  assert.is(new Set(byId.values()).size, 2_300)
  assert.equal(taken.slice(1_000, 1_500), taken.slice(1_500, 2_000))
})

test('stops in order at a signal, and goes on from there', async () => {
  const lines = Array.from({ length: 1_200 }, (_, at) => `{"userId":"u${at}"}`).join('\n')
  const stopped = await run({ kind: 'profiles' }, 'p.ndjson', lines, () => ends.abort())
  assert.equal([stopped.rows, stopped.done], [500, false])
  ends = new AbortController()
  await run({ kind: 'profiles' }, 'p.ndjson', lines)
  assert.is(new Set(taken.map(({ messageId }) => messageId)).size, 1_200)
  assert.is(taken.length, 1_200)
})

test('a file that was imported is done; another content is a new import, and so is the same one on purpose', async () => {
  await run({ kind: 'profiles' }, 'p.ndjson', '{"userId":"a"}')
  assert.is((await start('p.ndjson', false)).position.done, true)
  const again = await start('p.ndjson', true)
  assert.equal([again.position.done, again.position.generation], [false, 2])
  await run({ kind: 'profiles' }, 'p.ndjson', '{"userId":"b"}')
  await run({ kind: 'profiles' }, 'p.ndjson', '{"userId":"a"}')
  assert.is(new Set(taken.map(({ messageId }) => messageId)).size, 3)
  writeFileSync(position(), JSON.stringify({ ...kept(), done: false, rows: 0 }))
  writeFileSync(join(folder, 'p.ndjson'), '{"userId":"c"}')
  assert.is((await start('p.ndjson', false)).changed, true)
})

test('a file that was mended after it stopped brings the rows before with the same ids, and the mended ones anew', async () => {
  const rows = ['{"userId":"a","n":1}', '{"userId":"b","n":2}', '{"userId":"c","n":3}']
  diesAt = 1
  await rejects(() => run({ kind: 'profiles' }, 'p.ndjson', rows.join('\n')))
  await rejects(() => run({ kind: 'profiles' }, 'p.ndjson', [...rows, '{"userId":"d"}'].join('\n')))
  diesAt = Number.POSITIVE_INFINITY
  await run({ kind: 'profiles' }, 'p.ndjson', rows.join('\n'))
  const before = taken.splice(0)
  rmSync(position())
  await run({ kind: 'profiles' }, 'p.ndjson', rows.with(1, '{"userId":"b","n":7}').join('\n'))
  const isSame = taken.map(({ messageId }, at) => messageId === before[at]?.messageId)
  assert.equal(isSame, [true, false, true])
})

test('what does not fit the file is refused in one line that says what would', async () => {
  const refused = (reading: Partial<Reading> & Pick<Reading, 'kind'>, file: string, text: string) =>
    rejects(() => run(reading, file, text))
  const of = async (...given: Parameters<typeof refused>) => (await refused(...given)).message
  const kind = 'profiles'
  assert.match(
    await of({ kind, columns: ['Kunde=userId'] }, 'a.csv', 'x,y\n1,2\n'),
    /no column "Kunde"; its columns are x, y/,
  )
  assert.match(await of({ kind, columns: ['x'] }, 'a.csv', 'x\n'), /expected <header>=<name>/)
  assert.match(
    await of({ kind, columns: ['x=userId'] }, 'a.csv', 'x,userId\n'),
    /two columns are userId/,
  )
  assert.match(await of({ kind }, 'a.csv', 'a,a.b\n'), /two columns are traits.a/)
  assert.match(await of({ kind }, 'a.csv', ''), /is empty: expected a line/)
  assert.match(
    await of({ kind }, 'a.csv', 'userId\nann\n"bob\n'),
    /a.csv, line \d: a quote opens before this/,
  )
  assert.match(await of({ kind }, 'a.xlsx', ''), /expected .csv, .tsv, .ndjson/)
  assert.match(await of({ kind, event: 'x' }, 'a.csv', 'x\n'), /and these are profiles/)
  assert.match(
    await of({ kind, columns: ['x=y'] }, 'a.ndjson', '{}'),
    /is NDJSON: it has no columns/,
  )
  assert.match(await of({ kind, delimiter: 'ab' }, 'a.csv', 'x\n'), /--delimiter is one character/)
})

test.run()

async function run(
  given: Partial<Reading> & Pick<Reading, 'kind'>,
  file: string,
  content: string | Buffer,
  onProgress: () => void = () => undefined,
): Promise<ImportPosition> {
  const path = join(folder, file)
  writeFileSync(path, content)
  const reading = { columns: [], ...given }
  let sends = 0
  return importRows({
    ...{
      kind: reading.kind,
      name: 'profiles-1',
      rows: rowsIn(path, reading),
      positionPath: position(),
    },
    ...{ from: (await start(file, false)).position, clock: quickClock(), signal: ends.signal },
    onBadLine: (line, reason) => void badLines.push([line, reason]),
    onProgress,
    client: {
      async send(path, body) {
        assert.is(path, `/v1/${reading.kind}`)
        if (++sends >= diesAt) throw new CollectError('collect_away', 'gone')
        const rows: Record<string, unknown>[] = JSON.parse(body)[reading.kind]
        const good = rows.filter(({ userId }) => userId !== 'bad')
        taken.push(...good)
        const rejected = rows.flatMap(({ userId }, index) =>
          userId === 'bad' ? [{ index, path: 'userId', reason: 'is bad' }] : [],
        )
        return { accepted: good.length, rejected }
      },
    },
  })
}

async function start(file: string, again: boolean) {
  const { digest } = await digestOf(join(folder, file), 'as it is read')
  return startOf(position(), digest, again)
}

function position(): string {
  return join(folder, 'position.json')
}

function kept(): ImportPosition {
  return JSON.parse(readFileSync(position(), 'utf8'))
}

function withoutIds(): Record<string, unknown>[] {
  return taken.map(({ messageId: _, ...row }) => row)
}
