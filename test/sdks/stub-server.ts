import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** What came first, and how it was tried again. */
export interface Attempts {
  /** Requests that brought the event; later ones are retries. */
  readonly posts: number
  /** Between the first and the second, ms. */
  readonly waitedMs: number | undefined
}

/** A server that answers the first request for `/<answer>/…` with that answer, and all others with 200. */
export interface StubServer {
  /** The base URL for an SDK whose first request is to be answered so. */
  urlFor(sdk: string, answer: string): string
  attemptsOf(sdk: string, answer: string): Attempts
  close(): Promise<void>
}

/** A status, or one of the two that are none. */
export const ANSWERS = [
  ...['200', '301', '400', '401', '403', '404', '408', '413', '415', '429', '429 with Retry-After'],
  ...['500', '501', '503', 'connection cut'],
] as const

export const RETRY_AFTER_SECONDS = 3

export async function openStubServer(): Promise<StubServer> {
  const times = new Map<string, number[]>()
  const server = createServer((request, response) => {
    const [, sdk = '', answer = ''] = (request.url ?? '').split('/').map(decodeURIComponent)
    const key = `${sdk} ${answer}`
    request.resume().on('end', () => {
      if (request.method !== 'POST' || sdk === 'elsewhere') return succeed(request, response)
      const before = times.get(key) ?? []
      times.set(key, [...before, performance.now()])
      if (before.length > 0) return succeed(request, response)
      fail(answer, request, response)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the stub has no port')
  const origin = `http://127.0.0.1:${address.port}`
  return {
    urlFor: (sdk, answer) => `${origin}/${encodeURIComponent(sdk)}/${encodeURIComponent(answer)}`,
    attemptsOf(sdk, answer) {
      const [first, second] = times.get(`${sdk} ${answer}`) ?? []
      const posts = times.get(`${sdk} ${answer}`)?.length ?? 0
      return {
        posts,
        waitedMs: first === undefined || second === undefined ? undefined : second - first,
      }
    },
    close() {
      server.closeAllConnections()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

/** Pages of other sites may ask, too. */
const allowed = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*',
  'access-control-expose-headers': '*',
  'content-type': 'application/json',
}

function succeed({ method }: IncomingMessage, response: ServerResponse): void {
  const results = '{"success":true,"status":"Ok","results":{}}'
  response.writeHead(method === 'OPTIONS' ? 204 : 200, allowed)
  response.end(method === 'OPTIONS' ? undefined : results)
}

function fail(answer: string, request: IncomingMessage, response: ServerResponse): void {
  if (answer === '200') {
    succeed(request, response)
    return
  }
  if (answer === 'connection cut') {
    request.socket.destroy()
    return
  }
  const status = Number.parseInt(answer, 10)
  response.writeHead(status, {
    ...allowed,
    ...(status === 301 && { location: '/elsewhere' }),
    ...(answer.includes('Retry-After') && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
  })
  response.end('{"success":false}')
}
