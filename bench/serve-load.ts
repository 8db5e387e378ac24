import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import autocannon from 'autocannon'
import { seededRandom } from '../cli/random.ts'
import { parseSigningFile, signingKeysOf } from '../http/signing-file.ts'
import { createTokens } from '../http/tokens.ts'
import { systemClock } from '../runtime/clock.ts'
import { purposes, signTicket } from '../serve/amp-tokens.ts'
import { cpuSecondsOf } from './measured-process.ts'
import { sendPaced } from './paced-client.ts'
import { percentile } from './run-result.ts'
import { userOf } from './serve-rows.ts'
import type { Kind, ServeResult, ServeTask } from './serve-task.ts'
import { quantile, scrapeTimes } from './server-times.ts'
import { waitedOf } from './waited.ts'
import { zipf } from './zipf.ts'

const CONNECTIONS = 64
/** To look at both sides takes some of this time, and is over when the warm-up is. */
const LOOK_MS = 300
/** More than are asked for in a run at a constant rate. */
const PATHS = 120_000
/** Ranks to users: a prime, so that those who are asked for most lie anywhere in the view. */
const STEP = 7_919

const routes: Readonly<Record<Kind, string>> = {
  features: '/v1/users/:id/features',
  block: '/v1/blocks/:block',
  amp: '/v1/amp/blocks/:block',
  recommendations: '/v1/users/:id/recommendations',
}

type Asked = Pick<ServeResult, 'requests' | 'failed' | 'seconds' | 'p50' | 'p99'>

/** What was asked between two looks at both sides. */
interface Load extends Asked {
  readonly before: Standing
  readonly after: Standing
}

type Standing = Awaited<ReturnType<typeof standing>>

const task: ServeTask = JSON.parse(process.argv[2] ?? '')
let next = 0
const headers = { 'amp-email-sender': 'news@shop.example' }
const tokens = openTokens()
const known = new Map<string, string>()
const rank = zipf(task.users, seededRandom(task.seed))
const paths = Array.from({ length: PATHS }, () => pathOnce(userOf((rank() * STEP) % task.users)))
const url = `http://127.0.0.1:${task.port}`
let answers = 0
const { before, after, ...asked } = await (task.tool === 'paced' ? paced() : closed())
const lastedSeconds = (after.at - before.at) / 1_000
const micros = (cpuSeconds: number) => (cpuSeconds * 1e6) / (after.answers - before.answers)
const ofServer = (share: number) => quantile(before.times, after.times, share)
const result: ServeResult = {
  ...asked,
  server: after.times.size === 0 ? undefined : { p50: ofServer(0.5), p99: ofServer(0.99) },
  serverCpuMicros: micros(after.cpuSeconds - before.cpuSeconds),
  askerCpuMicros: micros(after.ownCpuSeconds - before.ownCpuSeconds),
  waitedShare: (after.waited.forProcessor - before.waited.forProcessor) / lastedSeconds,
  stolenShare: (after.waited.stolen - before.waited.stolen) / lastedSeconds / cpus().length,
}
process.send?.(result, () => process.exit(0))

/** What both sides have done so far. */
async function standing() {
  const times = await scrapeTimes(url, routes[task.kind])
  const { user, system } = process.cpuUsage()
  const cpuSeconds = { cpuSeconds: cpuSecondsOf(task.pid), ownCpuSeconds: (user + system) / 1e6 }
  return { times, ...cpuSeconds, waited: waitedOf(task.pid), at: systemClock.elapsed(), answers }
}

/** On connections that stay the same: to open them is part of the warm-up. */
async function paced(): Promise<Load> {
  const { port, requestsPerSecond = 1, seconds, warmUpSeconds } = task
  const firstThatCounts = requestsPerSecond * warmUpSeconds
  const times: number[] = []
  let failed = 0
  const sending = sendPaced({
    ...{ host: '127.0.0.1', port, headers, connections: CONNECTIONS, method: 'GET' },
    path: () => paths[next++ % PATHS] ?? '/',
    perSecond: requestsPerSecond,
    signal: AbortSignal.timeout((warmUpSeconds + seconds) * 1_000),
    answered(request, status, ms) {
      answers++
      if (request < firstThatCounts) return
      times.push(ms)
      if (status !== 200) failed++
    },
  })
  await systemClock.sleep(warmUpSeconds * 1_000 - LOOK_MS)
  const before = await standing()
  await sending
  const after = await standing()
  const [p50 = Number.NaN, p99 = Number.NaN] = [0.5, 0.99].map(share => percentile(times, share))
  return { requests: times.length, failed, seconds, p50, p99, before, after }
}

async function closed(): Promise<Load> {
  await cannon(task.warmUpSeconds)
  const before = await standing()
  const asked = await cannon(task.seconds)
  answers += asked.requests
  return { ...asked, before, after: await standing() }
}

async function cannon(duration: number): Promise<Asked> {
  const asked = await autocannon({
    ...{ url, connections: CONNECTIONS, duration, headers },
    requests: [
      {
        ...{ method: 'GET', path: '/', headers },
        setupRequest: request => ({ ...request, path: paths[next++ % PATHS] ?? '/' }),
        onResponse: () => undefined,
      },
    ],
  })
  const { latency, errors, non2xx, requests } = asked
  const { p50, p99 } = latency
  return { requests: requests.total, failed: errors + non2xx, seconds: asked.duration, p50, p99 }
}

/** A signature costs as much as a request. */
function pathOnce(user: string): string {
  const path = known.get(user) ?? pathOf(user)
  known.set(user, path)
  return path
}

function pathOf(user: string): string {
  switch (task.kind) {
    case 'features':
      return `/v1/users/${user}/features`
    case 'block':
      return `/v1/blocks/cart?user=${user}`
    case 'recommendations':
      return `/v1/users/${user}/recommendations?count=4`
    case 'amp': {
      const token = signTicket(tokens, purposes.block, { user, name: 'cart' }, systemClock.now())
      return `/v1/amp/blocks/cart?token=${token}`
    }
  }
}

function openTokens() {
  const secrets = parseSigningFile(readFileSync(task.signingFile, 'utf8'), task.signingFile)
  return createTokens(
    signingKeysOf(
      () => secrets,
      () => systemClock.now(),
    ),
  )
}
