import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { fromStart } from '../../serve/progress.ts'
import { encodeRow } from '../../serve/row.ts'
import { openView } from '../../serve/view.ts'
import { ViewError } from '../../serve/view-level.ts'
import { assert, suite } from '../harness.ts'

const test = suite('a damaged view')
const NOW = 1_800_000_000_000

test('a row that is not what was written is not answered, and a reset mends that', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-damaged-'))
  let view = await openView(folder)
  await view.reset('email.features', [fromStart(0, NOW)])
  const json = JSON.stringify({ key: 'anna', features: { orders: 1 }, segments: [] })
  const row = encodeRow({ version: [1, 0], partition: 0, json })
  await view.apply(0, [['anna', row]], { ...fromStart(2, NOW), atEnd: NOW })
  await view.flush()
  await view.close()
  const level = new ClassicLevel<string, Buffer>(folder, { valueEncoding: 'buffer' })
  const bytes = await level.get('row:anna')
  assert.ok(bytes)
  bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40)
  await level.put('row:anna', bytes)
  await level.close()
  view = await openView(folder)
  assert.throws(() => view.newest.get('anna'), /damaged/)
  const error = await view.newest.findAll(['anna']).catch((error: unknown) => error)
  assert.ok(error instanceof ViewError)
  assert.is(error.code, 'damaged')
  assert.is(view.fault?.code, 'damaged')
  await view.reset('email.features', [fromStart(0, NOW)])
  assert.is(view.fault, undefined)
  assert.is(view.newest.get('anna'), undefined)
  await view.close()
  await rm(folder, { recursive: true })
})

test.run()
