import autocannon from 'autocannon'
import { systemClock } from '../runtime/clock.ts'
import { EventSet, requestBody } from './collect-events.ts'
import { sendPaced } from './paced-client.ts'
import { percentile } from './run-result.ts'

/** What one process of `bench/collect.ts` sends, as JSON in its first argument. */
export interface LoadTask {
  readonly port: number
  /** `paced`: requests become due evenly, and their time counts from then. `autocannon`: as that tool does it. */
  readonly tool: 'paced' | 'autocannon'
  readonly connections: number
  /** As many as can be, where it is undefined: for autocannon only. */
  readonly requestsPerSecond?: number
  readonly eventsPerRequest: number
  readonly seconds: number
  /** Before those: what sends is slow at first, so its answers are not timed then. */
  readonly settleSeconds: number
  /** Part of the events' ids. */
  readonly run: string
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  /** Answers other than 200, and connections that broke. */
  readonly failed: number
  readonly p50: number
  readonly p99: number
  /** What this process took of one core. */
  readonly cores: number
  /** Bits of the events answered 200, in base64. */
  readonly accepted: string
}

const task: LoadTask = JSON.parse(process.argv[2] ?? '')
const accepted = new EventSet()
const headers = { authorization: `Basic ${btoa('dev:')}`, 'content-type': 'application/json' }
const path = task.eventsPerRequest === 1 ? '/v1/track' : '/v1/batch'
const startedAt = systemClock.elapsed()
const before = process.cpuUsage()
const sent = task.tool === 'paced' ? await paced() : await closed()
const { user, system } = process.cpuUsage(before)
const result: LoadResult = {
  ...sent,
  cores: (user + system) / 1_000 / (systemClock.elapsed() - startedAt),
  accepted: accepted.bits.toString('base64'),
}
process.send?.(result, () => process.exit(0))

type Sent = Omit<LoadResult, 'cores' | 'accepted'>

async function paced(): Promise<Sent> {
  const { port, connections, requestsPerSecond = 1, eventsPerRequest, run } = task
  const seconds = task.settleSeconds + task.seconds
  const firstTimed = task.settleSeconds * requestsPerSecond
  const times: number[] = []
  let failed = 0
  const { requests } = await sendPaced({
    ...{ host: '127.0.0.1', port, path, headers, connections },
    perSecond: requestsPerSecond,
    signal: AbortSignal.timeout(seconds * 1_000),
    body: request => requestBody(run, request * eventsPerRequest, eventsPerRequest),
    answered(request, status, ms) {
      if (request >= firstTimed) times.push(ms)
      if (status === 200) accept(request * eventsPerRequest)
      else failed++
    },
  })
  const [p50 = Number.NaN, p99 = Number.NaN] = [0.5, 0.99].map(share => percentile(times, share))
  return { requests, seconds, failed, p50, p99 }
}

/** Each connection sends its next request when the last was answered. */
async function closed(): Promise<Sent> {
  const { port, connections, requestsPerSecond, eventsPerRequest, seconds, run } = task
  const { settleSeconds } = task
  let next = 0
  const asked = await autocannon({
    url: `http://127.0.0.1:${port}`,
    ...{ connections, duration: seconds, warmup: { connections, duration: settleSeconds } },
    ...(requestsPerSecond !== undefined && { overallRate: requestsPerSecond }),
    requests: [
      {
        ...{ method: 'POST', path, headers },
        setupRequest(request, context) {
          const first = next
          next += eventsPerRequest
          Object.assign(context, { first })
          return { ...request, body: requestBody(run, first, eventsPerRequest) }
        },
        onResponse(status, _body, context) {
          if (status === 200 && 'first' in context) accept(Number(context.first))
        },
      },
    ],
  })
  const { latency, errors, non2xx, duration } = asked
  return {
    ...{ requests: asked.requests.total, seconds: duration, failed: errors + non2xx },
    ...{ p50: latency.p50, p99: latency.p99 },
  }
}

function accept(first: number): void {
  for (let number = first; number < first + task.eventsPerRequest; number++) accepted.add(number)
}
