import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { fromStart, type Progress } from '../../serve/progress.ts'
import { encodeRow, parseRow, type Row } from '../../serve/row.ts'
import { openView, type View } from '../../serve/view.ts'
import { ViewError } from '../../serve/view-level.ts'
import { assert, suite } from '../harness.ts'

const test = suite('view')
const NOW = 1_800_000_000_000
let folder = ''
let view: View

test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-view-'))
  view = await openView(folder)
  await view.reset('email.features', [fromStart(0, NOW), fromStart(0, NOW)])
})

test.after.each(async () => {
  await view.close()
  await rm(folder, { recursive: true, force: true })
})

const at = (next: number): Progress => ({ next, atEnd: NOW, newest: NOW, since: NOW })
const put = (key: string, version: [number, number], orders = 0) =>
  [key, encodeRow(row(key, version, orders))] as const
const gone = (key: string) => [key, undefined] as const

test('a change is there at once, and there again after closing', async () => {
  await view.apply(1, [put('anna', [7, 0], 3)], at(8))
  assert.is(orders('anna'), 3)
  await reopened()
  assert.is(orders('anna'), 3)
  assert.equal(view.newest.get('anna')?.version, [7, 0])
  assert.is(view.newest.get('anna')?.partition, 1)
  assert.is(view.topic, 'email.features')
  assert.is(view.rows, 1)
  assert.equal(view.partitions, [fromStart(0, NOW), at(8)])
})

test('an older row is ignored, from memory and from the disk; an equal or newer one is taken', async () => {
  for (const flushed of [false, true]) {
    const key = flushed ? 'flushed' : 'fresh'
    await view.apply(0, [put(key, [7, 2], 3)], at(8))
    if (flushed) await view.flush()
    const older = [put(key, [7, 1], 4), put(key, [6, 9], 5)]
    assert.equal(await view.apply(0, older, at(9)), { applied: 0, older: 2 })
    assert.is(orders(key), 3)
    assert.equal(await view.apply(0, [put(key, [7, 2], 6)], at(10)), { applied: 1, older: 0 })
    assert.is(orders(key), 6)
    await view.apply(0, [put(key, [8, 0], 7)], at(11))
    assert.is(orders(key), 7)
  }
})

test('a tombstone removes a row, in memory and on the disk', async () => {
  await view.apply(0, [put('anna', [1, 0]), put('bert', [2, 0])], at(3))
  await view.flush()
  await view.apply(0, [gone('anna'), gone('nobody')], at(5))
  assert.is(view.newest.get('anna'), undefined)
  await view.flush()
  assert.is(view.rows, 1)
  await reopened()
  assert.is(view.newest.get('anna'), undefined)
  assert.is(orders('bert'), 0)
  assert.is(view.rows, 1)
})

test('rows and versions are true while a flush runs beside', async () => {
  for (let round = 0; round < 50; round++) {
    const key = `user ${round % 7}`
    await view.apply(0, [put(key, [round, 0], round)], at(round + 1))
    const flushing = view.flush()
    const old = await view.apply(0, [put(key, [round - 1, 5], -1)], at(round + 1))
    assert.equal(old, { applied: 0, older: 1 })
    assert.is(orders(key), round)
    await flushing
  }
  assert.is(view.rows, 7)
  await reopened()
  assert.is(orders('user 0'), 49)
  assert.is(view.rows, 7)
})

test('what was not flushed is missing after a kill, together with its position', async () => {
  await view.apply(0, [put('anna', [1, 0])], at(2))
  await view.flush()
  await view.apply(0, [put('bert', [2, 0])], at(3))
  const copy = await mkdtemp(join(tmpdir(), 'millrace-view-'))
  const { cp } = await import('node:fs/promises')
  await cp(folder, copy, { recursive: true })
  const killed = await openView(copy)
  assert.is(killed.partitions[0]?.next, 2)
  assert.ok(killed.newest.get('anna'))
  assert.is(killed.newest.get('bert'), undefined)
  await killed.close()
  await rm(copy, { recursive: true })
})

test('much at once is put on the disk without being asked', async () => {
  const text = JSON.stringify({ features: 'x'.repeat(1 << 20), segments: [] })
  let flushed = 0
  for (let n = 0; n < 20; n++) {
    const big = { version: [n, 0], partition: 0, json: text } as const
    await view.apply(0, [[`user ${n}`, encodeRow(big)]], at(n + 1))
    if (!view.changed) flushed++
  }
  assert.is(flushed, 5)
  assert.is(view.newest.get('user 0')?.json, text)
})

test('who is in a segment is listed, page by page, for as long as he is in it', async () => {
  const names = ['anna', 'bert', 'cleo', 'dora', 'emil']
  await view.apply(
    0,
    names.map((key, n) => [key, inSegments(key, n, ['loyal'])] as const),
    at(5),
  )
  await view.apply(0, [['bert', inSegments('bert', 6, ['at risk'])], gone('dora')], at(7))
  assert.equal(await view.members('loyal', undefined, 9), { users: [], more: false }, 'on the disk')
  await view.flush()
  const first = await view.members('loyal', undefined, 2)
  assert.equal(first, { users: ['anna', 'cleo'], more: true })
  assert.equal(await view.members('loyal', 'cleo', 2), { users: ['emil'], more: false })
  assert.equal(await view.members('at risk', undefined, 2), { users: ['bert'], more: false })
  assert.equal(await view.members('loya', undefined, 2), { users: [], more: false })

  await view.apply(0, [['emil', inSegments('emil', 8, [])], gone('bert')], at(9))
  await view.apply(0, [['emil', inSegments('emil', 9, ['loyal', 'at risk'])]], at(10))
  await view.apply(0, [['anna', inSegments('anna', 11, [])]], at(12))
  await reopened()
  assert.equal((await view.members('loyal', undefined, 9)).users, ['cleo', 'emil'])
  assert.equal((await view.members('at risk', undefined, 9)).users, ['emil'])
})

test('a reset forgets all rows, of memory and disk', async () => {
  await view.apply(0, [put('anna', [1, 0])], at(2))
  await view.flush()
  await view.apply(0, [put('bert', [1, 0])], at(3))
  await view.reset('email.features', [fromStart(4, NOW)])
  assert.is(view.newest.get('anna'), undefined)
  assert.is(view.newest.get('bert'), undefined)
  assert.is(view.rows, 0)
  await reopened()
  assert.is(view.newest.get('anna'), undefined)
  assert.equal(view.partitions, [fromStart(4, NOW)])
})

test('when the disk fails, nothing is written any more, and what was known is known still', async () => {
  const lost = await mkdtemp(join(tmpdir(), 'millrace-view-'))
  const failing = await openView(lost)
  await failing.reset('email.features', [fromStart(0, NOW)])
  await failing.apply(0, [put('anna', [1, 0])], at(2))
  await rm(lost, { recursive: true }) // LevelDB notices when it begins its next file
  const fill = async () => {
    for (let n = 0; n < 90; n++) {
      const json = JSON.stringify({ features: 'x'.repeat(1 << 20), segments: [] })
      await failing.apply(
        0,
        [[`user ${n}`, encodeRow({ version: [n, 0], partition: 0, json })]],
        at(n + 3),
      )
    }
  }
  const error = await fill().catch((error: unknown) => error)
  assert.ok(error instanceof ViewError)
  assert.is(error.code, 'failed')
  assert.match(error.message, lost)
  assert.ok(failing.newest.get('anna'))
  assert.ok(failing.newest.get('user 0'))
  const again = await failing.flush().catch((error: unknown) => error)
  assert.is(again, error)
  await failing.close().catch(() => undefined)
})

test('a folder that is open is refused, with its name and what to do', async () => {
  const error = await openView(folder).catch((error: unknown) => error)
  assert.ok(error instanceof ViewError)
  assert.is(error.code, 'locked')
  assert.match(error.message, folder)
  assert.match(error.message, '--instance')
})

test("another program's database is refused and left as it is", async () => {
  const foreign = join(folder, 'foreign')
  const level = new ClassicLevel(foreign)
  await level.put('theirs', 'precious')
  await level.close()
  const error = await openView(foreign).catch((error: unknown) => error)
  assert.ok(error instanceof ViewError)
  assert.is(error.code, 'foreign')
  await level.open()
  assert.is(await level.get('theirs'), 'precious')
  await level.close()
})

test('a damaged view, and one of another format, is begun anew', async () => {
  await view.apply(0, [put('anna', [1, 0])], at(2))
  await view.close()
  await writeFile(join(folder, 'CURRENT'), 'rubbish')
  view = await openView(folder)
  assert.is(view.topic, '')
  assert.is(view.newest.get('anna'), undefined)

  await view.reset('email.features', [at(9)])
  await view.close()
  const level = new ClassicLevel(folder)
  await level.put('meta', '{"format":999}')
  await level.close()
  view = await openView(folder)
  assert.is(view.topic, '')
})

test.run()

async function reopened(): Promise<void> {
  await view.close()
  view = await openView(folder)
}

function orders(key: string): unknown {
  const found = view.newest.get(key)
  return found === undefined ? undefined : JSON.parse(found.json).features.orders
}

function inSegments(key: string, offset: number, segments: string[]): Buffer {
  const content = { key, version: [offset, 0] as const, asOf: NOW, features: {}, segments }
  return encodeRow({ version: content.version, partition: 0, json: JSON.stringify(content) })
}

function row(key: string, version: [number, number], orders: number): Row {
  const value = { key, version, asOf: NOW, features: { orders }, segments: [] }
  const read = parseRow(key, Buffer.from(JSON.stringify(value)), 1)
  // A view takes any version; rows of topics have none below 0.
  if (typeof read === 'string') return { version, partition: 1, json: JSON.stringify(value) }
  return read
}
