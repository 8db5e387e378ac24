import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Unpackr } from 'msgpackr'
import { EVENT_BYTES_MAX } from '../../collect/event-intake.ts'
import { BATCH_BYTES_MAX } from '../../collect/segment-routes.ts'
import { type Collect, startCollect } from '../../collect/server.ts'
import { unprotected } from '../../http/protection.ts'
import { systemClock } from '../../runtime/clock.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { startMillrace } from '../cli/millrace.ts'
import { SmallSource, sendJson } from '../collect/small-source.ts'
import { assert, suite } from '../harness.ts'

const test = suite('imports that are killed', { timeoutMs: 60_000 })
const crm = new SmallSource()
const unpackr = new Unpackr({ useRecords: false })
let collect: Collect
let folder: string
/** Message ids of what is safe, in order. */
let safe: string[]
let onSafe: () => void

test.before(async () => {
  await crm.start()
  const put = async (records: readonly { readonly value: Uint8Array | null }[]) => {
    await systemClock.sleep(15)
    for (const { value } of records) safe.push(unpackr.unpack(value ?? Buffer.of()).messageId)
    onSafe()
  }
  collect = await startCollect({
    ...{ host: '127.0.0.1', port: 0, topic: 'events', sink: { put, close: async () => undefined } },
    ...{ protection: unprotected, clock: systemClock, telemetry: noTelemetry },
    tokens: { sign: () => 'none', open: () => ({ fault: 'unknown_key' }) },
    logger: { error: console.error },
    ...{ eventBytesMax: EVENT_BYTES_MAX, batchBytesMax: BATCH_BYTES_MAX, keepIp: false },
  })
})
test.after(async () => {
  await collect.stop()
  await crm.stop()
})
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-killed-'))
  safe = []
  onSafe = () => undefined
})
test.after.each(() => rmSync(folder, { recursive: true }))

test('a file is imported whole, and what came twice has the same id', async () => {
  const rows = 8_000
  const file = join(folder, 'people.csv')
  writeFileSync(
    file,
    `userId,n\n${Array.from({ length: rows }, (_, at) => `u${at},${at}`).join('\n')}`,
  )
  const args = [
    'import',
    'profiles',
    file,
    '--collect',
    collect.url,
    '--data',
    join(folder, 'data'),
  ]
  await killed(args, 2_500)
  const ended = await startMillrace(args).ended
  assert.is(ended.code, 0, ended.stderr)
  assert.match(ended.stdout, /^imported 8000 profiles of /)
  assert.is(new Set(safe).size, rows)
  const again = await startMillrace(args).ended
  assert.match(again.stdout, /was imported before, whole; --again/)
})

test('a poller goes on with the page that it was at', async () => {
  const pages = 30
  crm.answer = ({ url }, response) => {
    const page = Number(new URL(url, crm.url).searchParams.get('page'))
    const items = Array.from({ length: 20 }, (_, at) => ({ id: page * 20 + at }))
    sendJson(response, { items: page < pages ? items : [] })
  }
  const definition = {
    ...{ name: 'crm', url: `${crm.url}/?page={cursor}`, privateHosts: true, items: 'items' },
    cursor: { by: 'pageNumber', first: 0 },
    event: { type: 'identify', userId: '{id}', messageId: 'crm:{id}' },
  }
  const file = join(folder, 'crm.json')
  writeFileSync(file, JSON.stringify(definition))
  const args = ['poll', file, '--once', '--collect', collect.url, '--data', join(folder, 'data')]
  await killed(args, 200)
  const before = crm.asked.length
  const ended = await startMillrace(args).ended
  assert.is(ended.code, 0, ended.stderr)
  assert.is(new Set(safe).size, pages * 20)
  assert.ok(safe.length <= pages * 20 + 20, 'at most one page comes twice')
  assert.ok(crm.asked.length - before <= pages - 5)
})

test.run()

/** Runs millrace and kills it as soon as so many events are safe. */
async function killed(args: readonly string[], events: number): Promise<void> {
  const run = startMillrace(args)
  onSafe = () => {
    if (safe.length >= events) run.child.kill('SIGKILL')
  }
  const { code, stderr } = await run.ended
  onSafe = () => undefined
  assert.is(code, null, `it ended before it was killed: ${stderr}`)
}
