import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'
import { seededRandom } from '../cli/random.ts'
import { parseSigningFile, signingKeysOf } from '../http/signing-file.ts'
import { createTokens } from '../http/tokens.ts'
import { systemClock } from '../runtime/clock.ts'
import { purposes, signTicket } from '../serve/amp-tokens.ts'
import { sendPaced } from './paced-client.ts'
import { percentile } from './run-result.ts'
import { userOf } from './serve-rows.ts'
import type { ServeResult, ServeTask } from './serve-task.ts'
import { zipf } from './zipf.ts'

const CONNECTIONS = 64
/** More than are asked for in a run at a constant rate. */
const PATHS = 120_000
/** Ranks to users: a prime, so that those who are asked for most lie anywhere in the view. */
const STEP = 7_919

const task: ServeTask = JSON.parse(process.argv[2] ?? '')
const headers = { 'amp-email-sender': 'news@shop.example' }
const tokens = openTokens()
const known = new Map<string, string>()
const rank = zipf(task.users, seededRandom(task.seed))
const paths = Array.from({ length: PATHS }, () => pathOnce(userOf((rank() * STEP) % task.users)))
const result = task.tool === 'paced' ? await paced() : await closed()
process.send?.(result, () => process.exit(0))

async function paced(): Promise<ServeResult> {
  const { port, requestsPerSecond = 1, seconds } = task
  const times: number[] = []
  let failed = 0
  const { requests } = await sendPaced({
    ...{ host: '127.0.0.1', port, headers, connections: CONNECTIONS, method: 'GET' },
    path: request => paths[request % PATHS] ?? '/',
    perSecond: requestsPerSecond,
    signal: AbortSignal.timeout(seconds * 1_000),
    answered(_request, status, ms) {
      times.push(ms)
      if (status !== 200) failed++
    },
  })
  const [p50 = Number.NaN, p99 = Number.NaN] = [0.5, 0.99].map(share => percentile(times, share))
  return { requests, failed, seconds, p50, p99 }
}

async function closed(): Promise<ServeResult> {
  let next = 0
  const asked = await autocannon({
    url: `http://127.0.0.1:${task.port}`,
    ...{ connections: CONNECTIONS, duration: task.seconds, headers },
    requests: [
      {
        ...{ method: 'GET', path: '/', headers },
        setupRequest: request => ({ ...request, path: paths[next++ % PATHS] ?? '/' }),
        onResponse: () => undefined,
      },
    ],
  })
  const { latency, errors, non2xx, duration } = asked
  const failed = errors + non2xx
  return {
    requests: asked.requests.total,
    failed,
    seconds: duration,
    p50: latency.p50,
    p99: latency.p99,
  }
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
