import { STATUS_CODES } from 'node:http'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import { listen, urlOf } from './listen.ts'
import { Problem, problemJson, problemType } from './problem.ts'

export interface HttpOptions {
  /** Loopback; see `listen`. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Whether the process works at all; one that does not should be restarted. */
  readonly health: () => Promise<HealthAnswer>
  /** Whether it does its job; while it does not, requests should go elsewhere. */
  readonly ready: () => Promise<ReadyAnswer>
  /** The text of `/metrics`, in Prometheus' format. */
  readonly metrics: () => Promise<string>
  /** Adds the server's own routes. They throw a `Problem` to answer with an error. */
  readonly routes?: (app: FastifyInstance) => void
  /** The most of a request's body, bytes. 1 MiB when not given. */
  readonly bodyBytesMax?: number
  /** How many proxies stand before it, whose word on who asks is taken (X-Forwarded-For, -Proto, -Host). None when not given. */
  readonly trustProxyHops?: number
  /** Called after each answer; `route` is the pattern (`/v1/users/:id/features`), '' where none matched. */
  readonly answered?: (route: string, status: number, durationMs: number) => void
  /** Told of every error that was answered with 500. */
  readonly failed?: (error: unknown, route: string) => void
}

export interface HealthAnswer {
  readonly alive: boolean
  /** Why not. */
  readonly reasons?: readonly string[]
}

export interface ReadyAnswer {
  readonly ready: boolean
  /** Why not; for people. */
  readonly reasons: readonly string[]
}

export interface Http {
  readonly app: FastifyInstance
  readonly port: number
  readonly url: string
  /** Takes no more requests, and ends when those under way are answered; after `drainMs` they are cut off. */
  close(drainMs?: number): Promise<void>
}

/** Required: for an import, Node would first search it for the names that it exports, which takes a third as long as loading it. */
const { fastify } = createRequire(import.meta.url)('fastify') as typeof import('fastify')

const PARAMETER_CHARS_MAX = 4_096
const CONNECTIONS_MAX = 10_000
/** A request must be here whole within this time, and a connection may be silent for as long. */
const REQUEST_MS_MAX = 15_000
/** Longer than the 60 s after which most load balancers drop an idle connection, so that they do it, not we. */
const KEEP_ALIVE_MS = 65_000
const PROBE_MS_MAX = 2_000
const DRAIN_MS = 5_000

/** Starts a server with `/health`, `/ready` and `/metrics`. Rejects with a `ListenError`. */
export async function openHttp(options: HttpOptions): Promise<Http> {
  const app = createApp(options)
  try {
    const port = await listen(app, options.host, options.port)
    const close = (drainMs = DRAIN_MS) => closeWithin(app, drainMs)
    return { app, port, url: urlOf(options.host, port), close }
  } catch (error) {
    await app.close()
    throw error
  }
}

/** The same server without a socket: drive it with `app.inject`. */
export function createApp(options: Omit<HttpOptions, 'host' | 'port'>): FastifyInstance {
  const hops = options.trustProxyHops ?? 0
  const app = fastify({
    bodyLimit: options.bodyBytesMax ?? 1_048_576,
    trustProxy: hops > 0 && ((_address: string, hop: number) => hop < hops),
    connectionTimeout: KEEP_ALIVE_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_MS_MAX,
    http: { connectionsCheckingInterval: 5_000 },
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: PARAMETER_CHARS_MAX },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, _request, reply) => answerError(options, error, '', reply),
  })
  app.server.maxConnections = CONNECTIONS_MAX
  app.setErrorHandler((error, request, reply) =>
    answerError(options, error, request.routeOptions.url ?? '', reply),
  )
  app.setNotFoundHandler(({ method, url }, reply) => {
    const detail = `nothing is at ${method} ${url.slice(0, 200)}`
    return answerProblem(reply, new Problem(404, 'no_such_route', detail))
  })
  const { answered } = options
  if (answered !== undefined) {
    app.addHook('onResponse', async (request, reply) => {
      answered(request.routeOptions.url ?? '', reply.statusCode, reply.elapsedTime)
    })
  }
  addProbes(app, options)
  options.routes?.(app)
  return app
}

function addProbes(app: FastifyInstance, { health, ready, metrics }: ProbeOptions): void {
  app.get('/health', async (_request, reply) => {
    const answer = await within(health(), reason => ({ alive: false, reasons: [reason] }))
    return reply.code(answer.alive ? 200 : 503).send(answer)
  })
  app.get('/ready', async (_request, reply) => {
    const answer = await within(ready(), reason => ({ ready: false, reasons: [reason] }))
    return reply.code(answer.ready ? 200 : 503).send(answer)
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics()),
  )
}

type ProbeOptions = Pick<HttpOptions, 'health' | 'ready' | 'metrics'>

/** A probe that throws or hangs is an answer, too. */
async function within<Answer>(
  answer: Promise<Answer>,
  otherwise: (reason: string) => Answer,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Answer>(resolve => {
    const reason = `it was asked and did not answer within ${PROBE_MS_MAX} ms`
    timer = setTimeout(() => resolve(otherwise(reason)), PROBE_MS_MAX)
  })
  try {
    return await Promise.race([answer, late])
  } catch (error) {
    return otherwise(error instanceof Error ? error.message : String(error))
  } finally {
    clearTimeout(timer)
  }
}

function answerError(
  { failed }: Pick<HttpOptions, 'failed'>,
  error: unknown,
  route: string,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof Problem) return answerProblem(reply, error)
  const status = statusOf(error)
  if (status < 500) {
    const detail = error instanceof Error ? error.message : String(error)
    return answerProblem(reply, new Problem(status, codeOf(status), detail))
  }
  failed?.(error, route)
  const detail = 'this server failed to answer; its log says why'
  return answerProblem(reply, new Problem(500, 'internal_error', detail))
}

function answerProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type(problemType)
    .send(problemJson(problem.status, problem.code, problem.message))
}

/** Fastify's own errors carry the status that they mean. */
function statusOf(error: unknown): number {
  const status = error instanceof Error ? (error as Partial<FastifyError>).statusCode : undefined
  return status !== undefined && status >= 400 && status < 600 ? status : 500
}

function codeOf(status: number): string {
  return (STATUS_CODES[status] ?? 'bad request').toLowerCase().replaceAll(/[^a-z]+/g, '_')
}

/** What cannot be read as HTTP, or came too slowly; Node has no request or reply for it. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const status =
    { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code ?? ''] ?? 400
  const body = problemJson(status, codeOf(status), 'this is not a request that HTTP/1.1 knows')
  const head =
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${problemType}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`
  socket.end(head + body)
}

async function closeWithin(app: FastifyInstance, drainMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), drainMs)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}
