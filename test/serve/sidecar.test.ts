import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTelemetry } from '../../runtime/telemetry.ts'
import { type Sidecar, type SidecarOptions, startSidecar } from '../../serve/sidecar.ts'
import { assert, suite } from '../harness.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { type Handle, SimCluster } from '../simulator/sim-cluster.ts'

const test = suite('sidecar')
const TOPIC = 'email.features'
const START = Date.UTC(2026, 0, 1)
const DAY_MS = 86_400_000

let folder = ''
let world: World
let sidecar: Sidecar | undefined

test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-sidecar-'))
  world = newWorld(START)
})

test.after.each(async () => {
  await stop()
  await rm(folder, { recursive: true, force: true })
})

test('it is ready when it has caught up, and answers live with a small age', async () => {
  for (let n = 0; n < 300; n++) world.row(`user ${n}`, [n, 0], n)
  await start()
  assert.is(sidecar?.ready().ready, false)
  assert.is((await get('/ready')).status, 503)
  await untilReady()
  assert.is((await get('/ready')).status, 200)
  const answer = await features('user 299')
  assert.is(answer.status, 200)
  assert.is(answer.body.features.orders, 299)
  assert.is(answer.body.source, 'live')
  assert.ok(answer.body.ageMs < 5_000, `${answer.body.ageMs} ms`)
  assert.is((await features('nobody')).status, 404)
})

test('it follows: new rows, older rows, erased users', async () => {
  world.row('anna', [1, 0], 1)
  world.row('bert', [1, 0], 1)
  await start()
  await untilReady()
  world.row('anna', [5, 0], 5)
  world.row('anna', [4, 9], 4)
  world.erase('bert')
  world.row('done', [1, 0], 1)
  await until(async () => (await features('done')).status === 200)
  assert.is((await features('anna')).body.features.orders, 5)
  assert.is((await features('bert')).status, 404)
})

test('a restart goes on where it was: what lies before need not be in the topic any more', async () => {
  for (let n = 0; n < 50; n++) world.row(`user ${n}`, [n, 0], n)
  await start()
  await untilReady()
  await stop()
  for (const partition of world.partitions()) partition.moveStart(partition.end)
  world.row('user 7', [99, 0], 99)
  await start()
  await untilReady()
  assert.is((await features('user 7')).body.features.orders, 99)
  assert.is((await features('user 8')).body.features.orders, 8)
})

test('out of touch it goes on answering, stale and ever older; back in touch it is live', async () => {
  world.row('anna', [1, 0], 1)
  await start()
  await untilReady()
  world.handle.process.freeze(120_000)
  world.row('anna', [2, 0], 2)
  await world.pass(30_000)
  const away = await features('anna')
  assert.is(away.status, 200)
  assert.is(away.body.features.orders, 1)
  assert.is(away.body.source, 'stale')
  assert.ok(away.body.ageMs >= 29_000 && away.body.ageMs < 60_000, `${away.body.ageMs} ms`)
  assert.is(away.headers.get('millrace-source'), 'stale')
  assert.is(sidecar?.ready().ready, true)
  await world.pass(20_000)
  assert.ok((await features('anna')).body.ageMs >= away.body.ageMs + 19_000)
  await until(async () => (await features('anna')).body.features.orders === 2)
  assert.is((await features('anna')).body.source, 'live')
})

test('a restart without the topic answers from the view, stale, and is not ready', async () => {
  world.row('anna', [1, 0], 1)
  await start()
  await untilReady()
  await stop()
  world = newWorld(START + 60_000, { topic: 'another' })
  await start()
  await world.pass(2_000)
  const answer = await features('anna')
  assert.is(answer.status, 200)
  assert.is(answer.body.source, 'stale')
  assert.ok(answer.body.ageMs >= 50_000, `${answer.body.ageMs} ms`)
  assert.is(sidecar?.ready().ready, false)
  assert.match(sidecar?.ready().reasons.join() ?? '', `topic ${TOPIC} does not exist`)
  world.cluster.create(specOf(TOPIC))
  for (let n = 0; n < 60; n++) world.row('bert', [n, 0], n)
  await untilReady()
  assert.is((await features('bert')).status, 200)
})

test('a new sidecar does not call a user unknown before it has read the topic', async () => {
  world = newWorld(START, { topic: 'another' })
  await start()
  assert.is((await features('anna')).status, 503)
  world.cluster.create(specOf(TOPIC))
  await until(async () => (await features('anna')).status === 404)
})

test('the view is read anew when the topic went on without it for more than six days', async () => {
  world.row('anna', [1, 0], 1)
  await start()
  await untilReady()
  await stop()
  // The tombstone of anna has come and gone; nothing else about the topic tells that the view is too old.
  world = newWorld(START + 7 * DAY_MS)
  for (let n = 0; n < 40; n++) world.row(`other ${n % 4}`, [3 + n, 0], n)
  await start()
  await untilReady()
  assert.is((await features('anna')).status, 404)
  assert.is((await features('other 1')).status, 200)
})

test('the view is kept over five days', async () => {
  world.row('anna', [1, 0], 1)
  await start()
  await untilReady()
  await stop()
  world = newWorld(START + 5 * DAY_MS)
  for (let n = 0; n < 40; n++) world.row(`other ${n % 4}`, [3 + n, 0], n)
  await start()
  await untilReady()
  assert.is((await features('anna')).status, 200)
})

test('the view is read anew from a topic that is not the one it was read from', async () => {
  for (let n = 0; n < 20; n++) world.row(`user ${n}`, [n, 0], n)
  await start()
  await untilReady()
  await stop()
  world = newWorld(START + 60_000)
  world.row('new', [1, 0], 1)
  await start()
  await untilReady()
  assert.is((await features('user 1')).status, 404)
  await stop()
  world = newWorld(START + 120_000, { partitions: 3 })
  world.row('newer', [1, 0], 1)
  await start()
  await untilReady()
  assert.is((await features('new')).status, 404)
  assert.is((await features('newer')).status, 200)
})

test('records that were deleted before they were read make it read anew, also while it runs', async () => {
  world.row('anna', [1, 0], 1)
  await start()
  await untilReady()
  world.handle.process.freeze(10_000)
  await world.pass(1_000)
  for (let n = 0; n < 20; n++) world.erase('anna')
  for (const partition of world.partitions()) partition.moveStart(partition.end)
  world.row('nora', [9, 0], 9)
  await until(async () => (await features('nora')).status === 200)
  assert.is((await features('anna')).status, 404)
  await untilReady()
})

test('a record that is no row is passed over', async () => {
  const partition = world.partition('anna')
  partition.append([{ key: 'anna', value: 'rubbish' }], world.now)
  partition.append([{ key: null, value: '{}' }], world.now)
  world.row('anna', [3, 0], 3)
  await start()
  await untilReady()
  assert.is((await features('anna')).body.features.orders, 3)
})

test('the folder and the port are its own, and what it cannot have it says', async () => {
  await start()
  const port = sidecar?.port ?? 0
  const locked = await open(0).catch((error: unknown) => error)
  assert.match(String(locked), '--instance')
  assert.match(String(locked), folder)
  const other = await mkdtemp(join(tmpdir(), 'millrace-sidecar-'))
  const inUse = await open(port, other).catch((error: unknown) => error)
  assert.match(String(inUse), `port ${port}`)
  const free = await open(0, other) // the attempt that failed left the folder unlocked
  await stop(free)
  await rm(other, { recursive: true })
})

test('when the disk fails it says so, is not healthy, and answers from what it has', async () => {
  const failures: unknown[] = []
  world.row('anna', [1, 0], 1)
  await start({ failed: error => failures.push(error) })
  await untilReady()
  assert.is((await get('/health')).status, 200)
  await rm(folder, { recursive: true })
  for (let n = 0; n < 30; n++) world.row(`user ${n}`, [n, 0], n, 'x'.repeat(1 << 19))
  await until(async () => failures.length > 0)
  assert.match(String(failures[0]), folder)
  assert.is((await get('/health')).status, 503)
  assert.is((await features('anna')).status, 200)
  await stop().catch(error => assert.is(error, failures[0]))
})

test('what it does is measured', async () => {
  const telemetry = await openTelemetry({ service: 'millrace-serve' })
  try {
    world.row('anna', [2, 0], 2)
    world.row('anna', [1, 0], 1)
    await start({ telemetry })
    await untilReady()
    await features('anna')
    await features('nobody')
    const scraped = await (await get('/metrics')).text()
    const route = 'route="/v1/users/:id/features"'
    for (const line of [
      'millrace_view_rows 1',
      `millrace_requests_total{${route},status="200"} 1`,
      `millrace_requests_total{${route},status="404"} 1`,
      `millrace_request_duration_ms_count{${route}} 2`,
      'millrace_answer_age_ms_count{source="live"} 1',
    ])
      assert.match(scraped, `${line}\n`)
    assert.match(scraped, /millrace_view_lag_records\{partition="0"\} 0\n/)
    assert.match(scraped, /millrace_view_age_ms\{partition="1"\} \d+\n/)
    assert.match(scraped, /millrace_view_rows_applied_total\{partition="\d"\} 1\n/)
  } finally {
    await stop()
    await telemetry.close()
  }
})

test.run()

interface World {
  readonly cluster: SimCluster
  readonly handle: Handle
  readonly now: number
  partitions(): SimCluster['partitions'] extends (topic: string) => infer P ? P : never
  partition(key: string): ReturnType<SimCluster['partition']>
  row(key: string, version: [number, number], orders: number, more?: string): void
  erase(key: string): void
  /** Lets so much virtual time go by. */
  pass(ms: number): Promise<void>
}

function specOf(topic: string, partitions = 2) {
  return { topic, partitions, replication: 1, config: { 'cleanup.policy': 'compact' } }
}

function newWorld(start: number, { topic = TOPIC, partitions = 2 } = {}): World {
  const random = new Random('sidecar')
  const scheduler = new Scheduler(random.fork('scheduler'), start)
  const cluster = new SimCluster({ scheduler, random })
  cluster.create(specOf(topic, partitions))
  const partition = (key: string) => {
    const all = cluster.partitions(TOPIC)
    return cluster.partition(TOPIC, (key.codePointAt(key.length - 1) ?? 0) % all.length)
  }
  return {
    cluster,
    handle: cluster.open('serve'),
    get now() {
      return scheduler.now
    },
    partitions: () => cluster.partitions(TOPIC),
    partition,
    row(key, version, orders, more = '') {
      const value = { key, version, asOf: start, features: { orders, more }, segments: [] }
      partition(key).append([{ key, value: JSON.stringify(value) }], scheduler.now)
    },
    erase: key => void partition(key).append([{ key, value: null }], scheduler.now),
    async pass(ms) {
      const end = scheduler.now + ms
      scheduler.after(ms, () => undefined) // else the time jumps to what happens next
      await scheduler.run(() => scheduler.now >= end, 100_000)
    },
  }
}

function open(port: number, where = folder, more: Partial<SidecarOptions> = {}): Promise<Sidecar> {
  const { log, clock } = world.handle
  const common = { log, clock, topic: TOPIC, host: '127.0.0.1' }
  return startSidecar({ ...common, folder: where, port, ...more })
}

async function start(more: Partial<SidecarOptions> = {}): Promise<void> {
  sidecar = await open(0, folder, more)
}

async function stop(which = sidecar): Promise<void> {
  if (which === sidecar) sidecar = undefined
  let stopped = which === undefined
  let error: unknown
  which
    ?.stop()
    .catch((reason: unknown) => {
      error = reason
    })
    .finally(() => {
      stopped = true
    })
  while (!stopped) await world.pass(10)
  if (error !== undefined) throw error
}

function untilReady(): Promise<void> {
  return until(async () => sidecar?.ready().ready === true)
}

/** Lets virtual time go by in small steps, and the disk and the sockets do their work between them. */
async function until(done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    if (await done()) return
    await world.pass(50)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  throw new Error(`it did not come to pass; not ready because: ${sidecar?.ready().reasons}`)
}

function get(path: string): Promise<Response> {
  return fetch(`${sidecar?.url}${path}`)
}

async function features(user: string) {
  const response = await get(`/v1/users/${encodeURIComponent(user)}/features`)
  const { status, headers } = response
  return { status, headers, body: (await response.json()) as Body }
}

interface Body {
  readonly features: { readonly orders: number }
  readonly source: string
  readonly ageMs: number
}
