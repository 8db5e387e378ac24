import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTelemetry } from '../../runtime/telemetry.ts'
import { assert, suite } from '../harness.ts'
import { newWorld, START, specOf, TOPIC, Trial } from './sidecar-world.ts'

const test = suite('sidecar')
let trial: Trial

test.before.each(async () => {
  trial = await Trial.begin()
})

test.after.each(() => trial.end())

test('it is ready when it has caught up, and answers live with a small age', async () => {
  for (let n = 0; n < 100; n++) trial.world.row(`user ${n}`, [n, 0], n)
  await trial.start()
  assert.is(trial.sidecar.ready().ready, false)
  assert.is((await trial.get('/ready')).status, 503)
  await trial.untilReady()
  assert.is((await trial.get('/ready')).status, 200)
  const answer = await trial.features('user 99')
  assert.is(answer.status, 200)
  assert.is(answer.body.features.orders, 99)
  assert.is(answer.body.source, 'live')
  assert.ok(answer.body.ageMs < 5_000, `${answer.body.ageMs} ms`)
  assert.is((await trial.features('nobody')).status, 404)
})

test('it follows: new rows, older rows, erased users', async () => {
  trial.world.row('anna', [1, 0], 1)
  trial.world.row('bert', [1, 0], 1)
  await trial.start()
  await trial.untilReady()
  trial.world.row('anna', [5, 0], 5)
  trial.world.row('anna', [4, 9], 4)
  trial.world.erase('bert')
  trial.world.row('done', [1, 0], 1)
  await trial.until(async () => (await trial.features('done')).status === 200)
  assert.is((await trial.features('anna')).body.features.orders, 5)
  assert.is((await trial.features('bert')).status, 404)
})

test('a restart goes on where it was: what lies before need not be in the topic any more', async () => {
  for (let n = 0; n < 50; n++) trial.world.row(`user ${n}`, [n, 0], n)
  await trial.start()
  await trial.untilReady()
  await trial.stop()
  for (const partition of trial.world.partitions()) partition.moveStart(partition.end)
  trial.world.row('user 7', [99, 0], 99)
  await trial.start()
  await trial.untilReady()
  assert.is((await trial.features('user 7')).body.features.orders, 99)
  assert.is((await trial.features('user 8')).body.features.orders, 8)
})

test('out of touch it goes on answering, stale and ever older; back in touch it is live', async () => {
  trial.world.row('anna', [1, 0], 1)
  await trial.start()
  await trial.untilReady()
  trial.world.handle.process.freeze(120_000)
  trial.world.row('anna', [2, 0], 2)
  await trial.world.pass(30_000)
  const away = await trial.features('anna')
  assert.is(away.status, 200)
  assert.is(away.body.features.orders, 1)
  assert.is(away.body.source, 'stale')
  assert.ok(away.body.ageMs >= 29_000 && away.body.ageMs < 60_000, `${away.body.ageMs} ms`)
  assert.is(away.headers.get('millrace-source'), 'stale')
  assert.is(trial.sidecar.ready().ready, true)
  await trial.world.pass(20_000)
  assert.ok((await trial.features('anna')).body.ageMs >= away.body.ageMs + 19_000)
  await trial.until(async () => (await trial.features('anna')).body.features.orders === 2)
  assert.is((await trial.features('anna')).body.source, 'live')
})

test('a restart without the topic answers from the view, stale, and is not ready', async () => {
  trial.world.row('anna', [1, 0], 1)
  await trial.start()
  await trial.untilReady()
  await trial.stop()
  trial.world = newWorld(START + 60_000, { topic: 'another' })
  await trial.start()
  await trial.world.pass(2_000)
  const answer = await trial.features('anna')
  assert.is(answer.status, 200)
  assert.is(answer.body.source, 'stale')
  assert.ok(answer.body.ageMs >= 50_000, `${answer.body.ageMs} ms`)
  assert.is(trial.sidecar.ready().ready, false)
  assert.match(trial.sidecar.ready().reasons.join(), `topic ${TOPIC} does not exist`)
  trial.world.cluster.create(specOf(TOPIC))
  for (let n = 0; n < 180; n++) trial.world.row('bert', [n, 0], n)
  await trial.untilReady()
  assert.is((await trial.features('bert')).status, 200)
})

test('a new sidecar does not call a user unknown before it has read the topic', async () => {
  trial.world = newWorld(START, { topic: 'another' })
  await trial.start()
  assert.is((await trial.features('anna')).status, 503)
  trial.world.cluster.create(specOf(TOPIC))
  await trial.until(async () => (await trial.features('anna')).status === 404)
})

test('a record that is no row is passed over', async () => {
  const partition = trial.world.partition('anna')
  partition.append([{ key: 'anna', value: 'rubbish' }], trial.world.now)
  partition.append([{ key: null, value: '{}' }], trial.world.now)
  trial.world.row('anna', [3, 0], 3)
  await trial.start()
  await trial.untilReady()
  assert.is((await trial.features('anna')).body.features.orders, 3)
})

test('the folder and the port are its own, and what it cannot have it says', async () => {
  await trial.start()
  const port = trial.sidecar.port
  const locked = await trial.open().catch((error: unknown) => error)
  assert.match(String(locked), '--instance')
  assert.match(String(locked), trial.folder)
  const other = await mkdtemp(join(tmpdir(), 'millrace-sidecar-'))
  const inUse = await trial.open({ port, folder: other }).catch((error: unknown) => error)
  assert.match(String(inUse), `port ${port}`)
  const free = await trial.open({ folder: other }) // the attempt that failed left the folder unlocked
  await trial.close(free)
  await rm(other, { recursive: true })
})

test('when the disk fails it says so, answers from what it has, and goes on once it can', async () => {
  const told: string[] = []
  const silent = { info: () => undefined, warn: () => undefined }
  const logger = { ...silent, error: (_where: unknown, text = '') => void told.push(text) }
  trial.world.row('anna', [1, 0], 1)
  await trial.start({ logger })
  await trial.untilReady()
  await rm(trial.folder, { recursive: true })
  await writeFile(trial.folder, 'no folder any more')
  for (let n = 0; n < 180; n++) trial.world.row(`user ${n}`, [n, 0], n, 'x'.repeat(1 << 19))
  const reasons = async () => (await trial.get('/ready')).text()
  await trial.until(async () => (await reasons()).includes('cannot be read or written'))
  assert.match(await reasons(), trial.folder)
  await trial.until(async () => told.some(text => /the view is broken/.test(text)))
  assert.is((await trial.get('/health')).status, 200)
  assert.is((await trial.features('anna')).status, 200)
  await rm(trial.folder)
  await trial.until(async () => (await trial.features('user 179')).status === 200)
  await trial.until(async () => !(await reasons()).includes('cannot be read or written'))
})

test('what it does is measured', async () => {
  const telemetry = await openTelemetry({ service: 'millrace-serve' })
  try {
    trial.world.row('anna', [2, 0], 2)
    trial.world.row('anna', [1, 0], 1)
    await trial.start({ telemetry })
    await trial.untilReady()
    await trial.features('anna')
    await trial.features('nobody')
    const scrape = async () => (await trial.get('/metrics')).text()
    await trial.until(async () => /millrace_view_rows\{\S+ 1\n/.test(await scrape())) // on the disk
    const scraped = await scrape()
    const route = 'route="/v1/users/:id/features"'
    for (const line of [
      'millrace_view_rows{topic="email.features"} 1',
      `millrace_requests_total{${route},status="200"} 1`,
      `millrace_requests_total{${route},status="404"} 1`,
      `millrace_request_duration_ms_count{${route}} 2`,
      'millrace_answer_age_ms_count{source="live"} 1',
    ])
      assert.match(scraped, `${line}\n`)
    assert.match(scraped, /millrace_view_lag_records\{topic="email.features",partition="0"\} 0\n/)
    assert.match(scraped, /millrace_view_age_ms\{topic="email.features",partition="1"\} \d+\n/)
    assert.match(scraped, /millrace_view_rows_applied_total\{partition="\d"\} 1\n/)
  } finally {
    await trial.stop()
    await telemetry.close()
  }
})

test.run()
