import autocannon from 'autocannon'
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
  readonly most: number
  /** Bits of the events answered 200, in base64. */
  readonly accepted: string
}

const task: LoadTask = JSON.parse(process.argv[2] ?? '')
const accepted = new EventSet()
const headers = { authorization: `Basic ${btoa('dev:')}`, 'content-type': 'application/json' }
const path = task.eventsPerRequest === 1 ? '/v1/track' : '/v1/batch'
const result = task.tool === 'paced' ? await paced() : await closed()
process.send?.(result, () => process.exit(0))

async function paced(): Promise<LoadResult> {
  const { port, connections, requestsPerSecond = 1, eventsPerRequest, seconds, run } = task
  const times: number[] = []
  let failed = 0
  const { requests } = await sendPaced({
    ...{ host: '127.0.0.1', port, path, headers, connections },
    perSecond: requestsPerSecond,
    signal: AbortSignal.timeout(seconds * 1_000),
    body: request => requestBody(run, request * eventsPerRequest, eventsPerRequest),
    answered(request, status, ms) {
      times.push(ms)
      if (status === 200) accept(request * eventsPerRequest)
      else failed++
    },
  })
  const [p50, p99, most] = [0.5, 0.99, 1].map(share => percentile(times, share))
  return { requests, seconds, failed, ...figures(p50, p99, most) }
}

/** Each connection sends its next request when the last was answered. */
async function closed(): Promise<LoadResult> {
  const { port, connections, requestsPerSecond, eventsPerRequest, seconds, run } = task
  let next = 0
  const asked = await autocannon({
    url: `http://127.0.0.1:${port}`,
    ...{ connections, duration: seconds },
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
    ...figures(latency.p50, latency.p99, latency.max),
  }
}

function accept(first: number): void {
  for (let number = first; number < first + task.eventsPerRequest; number++) accepted.add(number)
}

function figures(p50 = Number.NaN, p99 = Number.NaN, most = Number.NaN) {
  return { p50, p99, most, accepted: accepted.bits.toString('base64') }
}
