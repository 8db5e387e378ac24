import { existsSync, mkdtempSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { openLevelStore } from '../../state/level-store.ts'
import { StoreError } from '../../state/store.ts'
import { assert, suite } from '../harness.ts'
import { storeCases } from './store-cases.ts'
import { allOf } from './store-model.ts'

const test = suite('level store')
const root = mkdtempSync(join(tmpdir(), 'millrace-store-'))
let folders = 0
const newFolder = () => join(root, String(folders++))

test.after(() => rm(root, { recursive: true }))

storeCases(test, () => openLevelStore(newFolder()))

const progress = { history: 'h', complete: 4, newest: 6, writtenAt: 5 }
const slice = {
  states: [['ada', Uint8Array.of(1)]] as [string, Uint8Array][],
  timersAdded: [{ time: 3, key: 'ada' }],
  timersRemoved: [],
  progress,
}

test('closed and opened again, it holds what it held', async () => {
  const folder = newFolder()
  const first = await openLevelStore(folder)
  await first.write(slice)
  await first.close()
  const second = await openLevelStore(folder)
  assert.equal(await allOf(second), [['ada', [1]]])
  assert.equal(second.timers(undefined, 3, 10), [{ time: 3, key: 'ada' }])
  assert.equal(second.progress, progress)
  assert.ok((await second.sizeBytes()) > 0)
  await second.destroy()
  assert.not.ok(existsSync(folder))
})

test('a second opening of one folder is refused as locked, with the folder and the remedy', async () => {
  const folder = newFolder()
  const first = await openLevelStore(folder)
  await refused(openLevelStore(folder), 'locked', [folder, '--instance'])
  await first.write(slice)
  await first.close()
})

test('a format that it does not know is refused', async () => {
  const folder = newFolder()
  await (await openLevelStore(folder)).close()
  await changed(folder, level => level.put('f', '99'))
  await refused(openLevelStore(folder), 'corrupt', [folder, '"99"', 'delete the folder'])
})

test('a progress that nobody wrote is refused', async () => {
  const folder = newFolder()
  await (await openLevelStore(folder)).close()
  await changed(folder, level => level.put('p', '{"history":1}'))
  await refused(openLevelStore(folder), 'corrupt', [folder, 'history'])
})

test("another program's LevelDB is left alone", async () => {
  const folder = newFolder()
  await changed(folder, level => level.put('theirs', 'x'))
  await refused(openLevelStore(folder), 'failed', [folder, 'theirs', 'another folder'])
  await changed(folder, async level => assert.is(await level.get('theirs'), 'x'))
})

test('a damaged file is told as corrupt', async () => {
  const folder = newFolder()
  const store = await openLevelStore(folder)
  await store.write(slice)
  await store.close()
  for (const name of await readdir(folder))
    if (name.startsWith('MANIFEST')) await writeFile(join(folder, name), 'no manifest')
  await refused(openLevelStore(folder), 'corrupt', [folder, 'delete the folder'])
})

test('a folder that cannot be made is told as failed', async () => {
  const file = newFolder()
  await writeFile(file, '')
  await refused(openLevelStore(join(file, 'store')), 'failed', [file])
})

async function changed(
  folder: string,
  change: (level: ClassicLevel<string, string>) => Promise<unknown>,
): Promise<void> {
  const level = new ClassicLevel<string, string>(folder)
  await change(level)
  await level.close()
}

async function refused(
  opening: Promise<unknown>,
  code: StoreError['code'],
  words: string[],
): Promise<void> {
  const error = await opening.then(
    () => assert.unreachable('it was opened'),
    (reason: unknown) => reason,
  )
  assert.instance(error, StoreError)
  if (!(error instanceof StoreError)) return
  assert.is(error.code, code)
  for (const word of words) assert.ok(error.message.includes(word), `${word} in: ${error.message}`)
}

test.run()
