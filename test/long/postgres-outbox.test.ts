import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../runtime/clock.ts'
import { type Asked, refuse, SmallSource, sendJson } from '../collect/small-source.ts'
import { assert, skip, suite } from '../harness.ts'

const test = suite('changes of Postgres', { timeoutMs: 120_000 })
const binaries = '/usr/lib/postgresql/15/bin'
const recipe = fileURLToPath(new URL('../../deploy/postgres/', import.meta.url))
/** Postgres does not run as root. */
const asUser =
  process.getuid?.() === 0
    ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups']
    : []
const collect = new SmallSource()
let folder: string
let server: ChildProcess | undefined
let sender: ChildProcess | undefined

test.before(async () => {
  if (!existsSync(`${binaries}/initdb`)) skip(`there is no PostgreSQL 15 in ${binaries}`)
  folder = mkdtempSync(join(tmpdir(), 'pg-'))
  mkdirSync(join(folder, 'own'))
  chmodSync(folder, 0o755)
  if (asUser.length > 0) execFileSync('chown', ['postgres', join(folder, 'own')])
  writeFileSync(join(folder, 'key'), 'dev\n')
  const [program = '', ...args] = [...asUser, `${binaries}/initdb`, '-D', join(folder, 'own/data')]
  execFileSync(program, [...args, '-U', 'shop', '-A', 'trust', '--no-sync'])
  const [postgres = '', ...flags] = [
    ...asUser,
    `${binaries}/postgres`,
    '-D',
    join(folder, 'own/data'),
  ]
  const sockets = ['-k', join(folder, 'own'), '-c', 'listen_addresses=', '-c', 'fsync=off']
  server = spawn(postgres, [...flags, ...sockets], { stdio: 'ignore' })
  await collect.start()
  await until(() => tried(() => sql('SELECT 1')))
})
test.after(async () => {
  killSender()
  if (server === undefined) return
  server.kill('SIGINT')
  await new Promise(resolve => server?.on('close', resolve))
  await collect.stop()
  rmSync(folder, { recursive: true })
})

test('come to collect each once by their ids, in order, though it fails and the sender is killed', async () => {
  sql('CREATE TABLE customers (id int PRIMARY KEY, email text, plan text)')
  sql(`\\i ${recipe}outbox.sql`)
  const answered: Asked[] = []
  let asked = 0
  collect.answer = (request, response) => {
    if (++asked % 5 === 0) return refuse(response, 503)
    answered.push(request)
    if (asked % 7 === 0) response.destroy()
    else sendJson(response, { accepted: 1, rejected: [] })
  }
  const send = () => {
    sender = spawn('bash', [`${recipe}send-outbox.sh`], {
      ...{ stdio: 'ignore', detached: true },
      env: {
        ...{ ...process.env, PGHOST: join(folder, 'own'), PGUSER: 'shop', PGDATABASE: 'postgres' },
        ...{ COLLECT: collect.url, WRITE_KEY_FILE: join(folder, 'key') },
        ...{ OUTBOX_BATCH: '20', OUTBOX_SLEEP: '0.05', OUTBOX_RETRY: '0.2' },
      },
    })
  }
  send()
  for (let round = 0; round < 5; round++) {
    sql(`INSERT INTO customers SELECT n, n || E'@example.com\\t"', 'free'
         FROM generate_series(${round * 40}, ${round * 40 + 39}) n`)
    sql(`UPDATE customers SET plan = 'pro' WHERE id >= ${round * 40} AND id < ${round * 40 + 20}`)
    await systemClock.sleep(100)
    killSender()
    send()
  }
  await until(() => sql('SELECT count(*) FROM millrace_outbox') === '0')
  for (const { headers } of answered) assert.is(headers.authorization, 'Bearer dev')
  const events = answered.flatMap(({ body }) => JSON.parse(body).events)
  const once = new Map(events.map(event => [event.messageId, event]))
  assert.is(once.size, 300)
  const plans = new Map([...once.values()].map(({ userId, traits }) => [userId, traits.plan]))
  assert.is([...plans.values()].filter(plan => plan === 'pro').length, 100)
  const first = once.get('postgres:1')
  assert.equal(
    [first.type, first.userId, first.traits.email],
    ['identify', '0', '0@example.com\t"'],
  )
  assert.ok(Math.abs(Date.parse(first.timestamp) - systemClock.now()) < 120_000)
})

test.run()

/** With what it has started. */
function killSender(): void {
  if (sender?.pid !== undefined) process.kill(-sender.pid, 'SIGKILL')
}

function sql(command: string): string {
  const flags = [
    '-qAtX',
    '-v',
    'ON_ERROR_STOP=1',
    '-h',
    join(folder, 'own'),
    '-U',
    'shop',
    'postgres',
  ]
  return execFileSync('psql', flags, { input: command, encoding: 'utf8', stdio: 'pipe' }).trim()
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = systemClock.elapsed() + 60_000
  while (!holds()) {
    if (systemClock.elapsed() > deadline) throw new Error('it did not come true within a minute')
    await systemClock.sleep(200)
  }
}

function tried(attempt: () => unknown): boolean {
  try {
    attempt()
    return true
  } catch (error) {
    if (error instanceof Error) return false
    throw error
  }
}
