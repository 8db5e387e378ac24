import { randomBytes } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineBlock } from '../../content/block.ts'
import { hashOf, type Key, keysOf } from '../../http/keys.ts'
import { createTokens, type SigningKey } from '../../http/tokens.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { purposes, signTicket } from '../../serve/amp-tokens.ts'
import { AuditLog, type AuditLogOptions } from '../../serve/audit-log.ts'
import { type AuditLine, type AuditQuery, readAudit } from '../../serve/audit-reader.ts'
import { hashedIds } from '../../serve/hashed-id.ts'
import { signImage } from '../../serve/image-tokens.ts'
import { assert, suite } from '../harness.ts'
import { DeskWorld, keyOf, row } from './desk-world.ts'

const test = suite('the audit log')
const folder = await mkdtemp(join(tmpdir(), 'millrace-audit-'))
const world = await DeskWorld.open()
const opened: AuditLog[] = []
test.after(async () => {
  for (const log of opened) await log.close()
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

const silent = { info: () => undefined, error: () => undefined }
async function openLog(name: string, more: Partial<AuditLogOptions> = {}): Promise<AuditLog> {
  const log = await AuditLog.open({
    ...{ folder: join(folder, name), days: 3, clock: systemClock },
    ...{ telemetry: noTelemetry, logger: silent, ...more },
  })
  opened.push(log)
  return log
}
async function linesOf(log: AuditLog, query: AuditQuery = {}): Promise<AuditLine[]> {
  await log.flush()
  const lines: AuditLine[] = []
  for await (const line of readAudit(log.folder, query)) lines.push(line)
  return lines
}
const entryOf = (user: string) => ({ by: 'braze', users: [user], route: '/x', status: 200 })
const usersOf = (lines: readonly AuditLine[]) =>
  lines.flatMap(line => ('lost' in line ? [] : line.users))

const signing: SigningKey = { id: 7, secret: randomBytes(32), signsFrom: 0 }
const tokens = createTokens({ signing: () => signing, find: () => signing })
const now = systemClock.now()
const rows = [row('anna', { cart: ['kettle'], orders: 3 }, ['loyal']), row('bert', { orders: 1 })]
const features = await world.view('email.features', rows, keyOf)
const cart = defineBlock({
  ...{ name: 'cart', features: ['cart'], fallback: {} },
  shape: ({ features }) => ({ cart: features.cart }),
})
const auditLog = await openLog('routes')
const secrets = new Map<string, Key>([
  ['reads', { name: 'braze', action: 'read', fields: ['orders', 'cart'] }],
  ['minds', { name: 'privacy', action: 'admin' }],
])
const keys = keysOf([...secrets].map(([secret, key]) => ({ key, hashes: [hashOf(secret)] })))
const app = world.app(
  {
    ...{ features, products: undefined, catalogue: undefined, tokens, auditLog },
    blocks: new Map([['cart', cart]]),
  },
  { keys, keyed: true, perAddress: 0 },
)
test.after(() => app.close())
const ask = (url: string, secret = 'reads', headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { authorization: `Bearer ${secret}`, ...headers } })

test('has a line for each read of a person, by whatever way: who, whose, which fields, and the status', async () => {
  await ask('/v1/users/anna/features?fields=orders')
  await ask('/v1/users/nobody/features')
  await app.inject({
    ...{ method: 'POST', url: '/v1/users/features', payload: { ids: ['anna', 'bert'] } },
    headers: { authorization: 'Bearer minds' },
  })
  await ask('/v1/users/bert/recommendations')
  await ask('/v1/segments/loyal/users')
  await ask('/v1/blocks/cart?user=anna')
  const token = signTicket(tokens, purposes.block, { user: 'anna', name: 'cart' }, now)
  await app.inject({
    ...{
      url: `/v1/amp/blocks/cart?token=${token}`,
      headers: { 'amp-email-sender': 'a@b.example' },
    },
  })
  const image = signImage(tokens, { name: 'recommended', user: 'bert' }, now)
  await app.inject({ url: `/v1/images/recommended.png?token=${image}` })
  await ask('/v1/users/anna/export', 'minds')
  const lines = (await linesOf(auditLog)).map(({ at, ...line }) => {
    assert.ok(Math.abs(Date.parse(at) - now) < 60_000)
    return line
  })
  const [features, status] = ['/v1/users/:id/features', 200]
  assert.equal(lines, [
    { by: 'braze', route: features, fields: ['orders'], status, users: ['anna'] },
    { by: 'braze', route: features, fields: ['orders', 'cart'], status: 404, users: ['nobody'] },
    { by: 'privacy', route: '/v1/users/features', status, users: ['anna', 'bert'] },
    { by: 'braze', route: '/v1/users/:id/recommendations', status, users: ['bert'] },
    { by: 'braze', route: '/v1/segments/:name/users', fields: [], status, users: ['anna'] },
    {
      by: 'braze',
      route: '/v1/blocks/:block',
      block: 'cart',
      fields: ['cart'],
      status,
      users: ['anna'],
    },
    {
      by: 'token',
      route: '/v1/amp/blocks/:block',
      block: 'cart',
      fields: ['cart'],
      status,
      users: ['anna'],
    },
    { by: 'token', route: '/v1/images/:file', status, users: ['bert'] },
    { by: 'privacy', route: '/v1/users/:id/export', status, users: ['anna'] },
  ])
})

test("has none for what was refused, or is nobody's", async () => {
  const before = (await linesOf(auditLog)).length
  assert.is((await ask('/v1/users/anna/features', 'wrong')).statusCode, 401)
  assert.is((await ask('/v1/users/anna/export')).statusCode, 403)
  await ask('/v1/blocks/cart')
  await ask('/v1/segments/nobody/users')
  await app.inject({ url: '/v1/images/recommended.png?token=bad' })
  assert.is((await linesOf(auditLog)).length, before)
})

test('is read over HTTP by who minds it, of one person and of a time', async () => {
  const answer = await ask('/v1/audit?user=bert', 'minds')
  assert.is(answer.headers['content-type'], 'application/x-ndjson')
  const lines = answer.body
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.ok(lines.length >= 3 && lines.every(({ users }) => users.includes('bert')))
  assert.is((await ask('/v1/audit?since=2999-01-01', 'minds')).body, '')
  assert.is((await ask('/v1/audit?since=soon', 'minds')).json().code, 'bad_time')
  assert.is((await ask('/v1/audit')).statusCode, 403)
  assert.is((await ask('/v1/audit?key=minds', 'reads')).statusCode, 403)
})

test('can have a keyed hash instead of each id, by which who has the id finds his lines', async () => {
  const nameOf = hashedIds(randomBytes(32))
  const log = await openLog('hashed', { nameOf })
  log.append(entryOf('anna'))
  log.append(entryOf('bert'))
  const [line] = await linesOf(log, { names: log.namesOf('anna') })
  assert.match(usersOf(line ? [line] : [])[0] ?? '', /^h:[\w-]{27}$/)
  assert.not.match(
    await readFile(join(log.folder, (await readdir(log.folder))[0] ?? ''), 'utf8'),
    /anna/,
  )
  assert.is.not(nameOf('anna'), hashedIds(randomBytes(32))('anna'))
})

test('has a file for each day, and keeps them for as many days as are asked for', async () => {
  const day = 86_400_000
  let time = Date.UTC(2026, 10, 22, 23, 59)
  const clock: Clock = { ...systemClock, now: () => time, every: () => () => undefined }
  await mkdir(join(folder, 'days'), { recursive: true })
  for (const name of ['audit-2026-11-18.ndjson', 'audit-2026-11-19.ndjson', 'notes.txt'])
    await writeFile(join(folder, 'days', name), '')
  const log = await openLog('days', { clock })
  log.append(entryOf('anna'))
  await log.flush()
  time += day
  log.append(entryOf('bert'))
  await log.flush()
  const files = (await readdir(log.folder)).sort()
  assert.equal(files, ['audit-2026-11-22.ndjson', 'audit-2026-11-23.ndjson', 'notes.txt'])
  assert.equal(usersOf(await linesOf(log)), ['anna', 'bert'])
  assert.equal(usersOf(await linesOf(log, { since: time })), ['bert'])
})

test('begins a line of its own where a killed process left half of one', async () => {
  const log = await openLog('cut')
  log.append(entryOf('anna'))
  await log.close()
  const [name = ''] = await readdir(log.folder)
  await appendFile(join(log.folder, name), '{"at":"2026-')
  const next = await openLog('cut')
  next.append(entryOf('bert'))
  assert.equal(usersOf(await linesOf(next)), ['anna', 'bert'])
})

test('says that its disk takes nothing, keeps lines for when it does, and counts those that are lost', async () => {
  const counts = new Map<unknown, number>()
  const telemetry = {
    ...noTelemetry,
    add: (_name: string, value: number, attributes?: Record<string, unknown>) =>
      void counts.set(attributes?.outcome, (counts.get(attributes?.outcome) ?? 0) + value),
  }
  const log = await openLog('full', { telemetry })
  await rm(log.folder, { recursive: true })
  await writeFile(log.folder, 'in the way')
  log.append(entryOf('anna'))
  await log.flush()
  assert.match(log.fault ?? '', /audit log cannot be written \(ENOTDIR.*lines wait in memory$/)
  const large = { ...entryOf('x'.repeat(1_000)), users: Array(500).fill('x'.repeat(1_000)) }
  for (let at = 0; at < 20; at++) log.append(large)
  await log.flush()
  assert.is(counts.get('lost'), 20 - Math.floor((8 << 20) / 502_000))
  assert.match(log.fault ?? '', /are lost/)
  await rm(log.folder)
  await mkdir(log.folder)
  const lines = await linesOf(log)
  await log.flush()
  assert.is(log.fault, undefined)
  const after = await linesOf(log)
  assert.equal(usersOf(after)[0], 'anna')
  assert.is(after.find(line => 'lost' in line)?.lost, counts.get('lost'))
  assert.ok(lines.length > 0)
})

test('costs an answer some microseconds', async () => {
  const log = await openLog('cost')
  const count = 20_000
  const start = systemClock.elapsed()
  for (let at = 0; at < count; at++) log.append(entryOf(`user-${at}`))
  await log.flush()
  const each = ((systemClock.elapsed() - start) * 1_000) / count
  assert.is((await linesOf(log)).length, count)
  assert.ok(each < 500, `${each} µs`)
  if (process.env.MILLRACE_TELL) process.stdout.write(`${each.toFixed(1)} µs a line\n`)
})

test.run()
