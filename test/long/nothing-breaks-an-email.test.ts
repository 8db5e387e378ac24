import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { assert, suite } from '../harness.ts'
import { mountSmallDisk } from '../small-disk.ts'
import { type Answer, Burst } from './burst.ts'
import { UnbrokenWorld } from './unbroken-world.ts'

const test = suite('nothing breaks an email', { timeoutMs: 900_000 })

const CALLS = Number(process.env.MILLRACE_TEST_CALLS ?? 10_000)
const BUDGET_MS = 200
/**
 * What an answer may wait here for the processor, which six processes and other tests share: so much, less than a stall,
 * more than the slowest answer of a server that does nothing and is asked at the same time.
 */
const SCHEDULING_MS = 1_000
const STALL_MS = 2_000
const STALE_MS = 5_000

const small = mountSmallDisk(160)
const noMount = typeof small === 'string' ? small : undefined
const disk =
  typeof small === 'string'
    ? await mkdtemp(join(tmpdir(), 'millrace-unbroken-disk-'))
    : small.folder
const world = await UnbrokenWorld.open(disk)
test.after(async () => {
  await world.close()
  if (typeof small === 'string') await rm(disk, { recursive: true, force: true })
  else small.unmount()
})

/** Each is done to it while the burst goes on, and is over when it ends. */
const troubles: Record<string, () => Promise<void>> = {
  'nothing is wrong': () => systemClock.sleep(2_000),
  'the broker stands still for 2 s': async () => {
    world.freezeBroker()
    await systemClock.sleep(STALL_MS)
    world.thawBroker()
  },
  'the store stalls for 2 s': async () => {
    world.stallStore(STALL_MS)
    await systemClock.sleep(STALL_MS + 500)
  },
  'a worker is killed': async () => {
    const before = world.workers
    world.killWorker()
    await until('another worker', () => world.workers.some(pid => !before.includes(pid)))
  },
  'a rolling restart': () => world.restartOneByOne(),
  'the view is corrupt': async () => {
    assert.ok(world.corruptViews() > 0, 'there were no tables to corrupt')
    await systemClock.sleep(3_000)
  },
  'the disk of the views is full': async () => {
    if (typeof small === 'string') return console.log(`  not tried: ${noMount}`)
    small.fill()
    await mostlyNotLive()
    await small.empty()
  },
  'the broker is dead': async () => {
    await world.killBroker()
    await mostlyNotLive()
    await world.startBroker()
  },
}

test(`connected content and images are answered with 200 in time, in ${CALLS} calls, whatever breaks`, async () => {
  await world.ready()
  const ports = { port: world.port, bare: await world.bare() }
  world.keepWriting()
  let calls = 0
  const faults: string[] = []
  const each = Math.ceil(CALLS / Object.keys(troubles).length)
  for (const [name, trouble] of Object.entries(troubles)) {
    burst = new Burst(ports, call => world.pathOf(call), judge)
    await trouble()
    await until(`${each} calls`, () => burst.calls >= each)
    await burst.end()
    calls += burst.calls
    const most = BUDGET_MS + SCHEDULING_MS + Math.max(...burst.bareTimes)
    const late = burst.times.filter(ms => ms > most).length
    if (late > 0) faults.push(`${name}: ${late} answers took more than ${Math.round(most)} ms`)
    faults.push(...burst.faults.slice(0, 5).map(fault => `${name}: ${fault}`))
    console.log(`  ${name}: ${figures(burst)}`)
    await live()
  }
  assert.equal(faults, [], world.output)
  assert.ok(calls >= CALLS, `${calls} calls`)
  await world.stop()
})

test.run()

let burst: Burst

function judge({ path, status, headers, body }: Answer): string | undefined {
  if (status !== 200) return `status ${status} (${body.subarray(0, 200)})`
  const source = String(headers['millrace-source'])
  if (!['live', 'stale', 'fallback'].includes(source)) return `source ${source}`
  if (path.startsWith('/v1/images/')) return body[1] === 0x50 ? undefined : 'no PNG'
  const content = JSON.parse(body.toString()) as { source: string; ageMs: number }
  if (content.source !== source) return `${content.source}, and ${source} in its header`
  return content.ageMs > STALE_MS && source === 'live' ? `live, ${content.ageMs} ms old` : undefined
}

/** Nothing that is asked now is live; the answers of the burst before that count, too. */
async function mostlyNotLive(): Promise<void> {
  await until('answers that say that they are not live', async () => (await liveOf(20)) === 0)
}

async function live(): Promise<void> {
  await until('live answers again', async () => (await liveOf(20)) >= 15)
}

async function liveOf(count: number): Promise<number> {
  let found = 0
  for (let user = 1; user <= count; user++) {
    const url = `http://127.0.0.1:${world.port}/v1/blocks/cart?user=user-${user}`
    const answer = await fetch(url, { headers: { connection: 'close' } })
    if (answer.headers.get('millrace-source') === 'live') found++
    await answer.body?.cancel()
  }
  return found
}

async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = systemClock.elapsed() + 120_000
  while (!(await done())) {
    if (systemClock.elapsed() > deadline) throw new Error(`there were no ${what}:\n${world.output}`)
    await systemClock.sleep(100)
  }
}

function figures({ times, bareTimes, sources, again, faults }: Burst): string {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0)
  const over = (all: readonly number[]) => all.filter(ms => ms > BUDGET_MS).length
  const said = [...sources].map(([source, count]) => `${count} ${source}`).join(', ')
  return (
    `${times.length} calls, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms, ` +
    `over ${BUDGET_MS} ms ${over(times)}; ${said}; sent again ${again}; faults ${faults.length}; ` +
    `bare ${bareTimes.length} calls, most ${Math.round(Math.max(...bareTimes))} ms, over ${BUDGET_MS} ms ${over(bareTimes)}`
  )
}
