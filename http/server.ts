import { type Server, ServerResponse, STATUS_CODES } from 'node:http'
import { createRequire } from 'node:module'
import { type Socket, Server as TcpServer } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import { type Access, openAccess } from './access.ts'
import { refuseOtherHosts } from './hosts.ts'
import { defaultLimits, type Limits, refuseOverLimits } from './limits.ts'
import { listen, urlOf } from './listen.ts'
import { createNodeServer } from './node-server.ts'
import { addProbes, type ProbeOptions } from './probes.ts'
import { Problem, problemJson, problemType } from './problem.ts'
import { type Protection, unprotected } from './protection.ts'

export type { HealthAnswer, ReadyAnswer } from './probes.ts'

export interface HttpOptions extends ProbeOptions {
  /** Loopback, or any where keys are asked for; see `listen`. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Adds the server's own routes. They throw a `Problem` to answer with an error. */
  readonly routes?: (app: FastifyInstance, access: Access) => void
  /** The most of a request's body, bytes. 1 MiB when not given. */
  readonly bodyBytesMax?: number
  /** Called after each answer; `route` is the pattern (`/v1/users/:id/features`), '' where none matched. */
  readonly answered?: (route: string, status: number, durationMs: number) => void
  /** Told of every error that was answered with 500. */
  readonly failed?: (error: unknown, route: string) => void
  /** Who may ask, and how. Without, only this machine may, by its own name and without a key. */
  readonly protection?: Protection
  /** Where they differ from `defaultLimits`. */
  readonly limits?: Partial<Limits>
}

export interface Http {
  readonly app: FastifyInstance
  readonly port: number
  readonly url: string
  /**
   * Takes no more connections. For `graceMs` (0 when not given) those that are kept may bring another request, which is
   * answered with `Connection: close`, as all are from now on. Then it ends when what is under way is answered; after
   * `drainMs` (5,000) that is cut off.
   */
  close(drain?: { readonly graceMs?: number; readonly drainMs?: number }): Promise<void>
}

/** Required: for an import, Node would first search it for the names that it exports, which takes a third as long as loading it. */
const { fastify } = createRequire(import.meta.url)('fastify') as typeof import('fastify')

const PARAMETER_CHARS_MAX = 4_096
const DRAIN_MS = 5_000

/** Starts a server with `/health`, `/ready` and `/metrics`. Rejects with a `ListenError`. */
export async function openHttp(options: HttpOptions): Promise<Http> {
  const app = createApp(options)
  try {
    const port = await listen(app, options.host, options.port, options.protection?.keyed)
    const close = ({ graceMs = 0, drainMs = DRAIN_MS } = {}) => drain(app, graceMs, drainMs)
    const url = urlOf(options.host, port, options.protection?.tls === undefined ? 'http' : 'https')
    return { app, port, url, close }
  } catch (error) {
    await app.close()
    throw error
  }
}

/** The same server without a socket: drive it with `app.inject`. */
export function createApp(options: Omit<HttpOptions, 'host' | 'port'>): FastifyInstance {
  const protection = options.protection ?? unprotected
  const { tls, trustProxy, keyed } = protection
  const limits = limitsOf(options)
  const app = fastify({
    bodyLimit: options.bodyBytesMax ?? 1_048_576,
    serverFactory: handle => createNodeServer(handle, limits, tls),
    forceCloseConnections: 'idle',
    return503OnClosing: false, // what came is answered
    trustProxy: trusted(trustProxy),
    routerOptions: { maxParamLength: PARAMETER_CHARS_MAX },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, _request, reply) => answerError(options, error, '', reply),
  })
  refuseOverLimits(app, limits)
  if (!keyed) refuseOtherHosts(app)
  const access = openAccess(app, protection)
  app.setErrorHandler((error, request, reply) =>
    answerError(options, error, request.routeOptions.url ?? '', reply),
  )
  app.setNotFoundHandler(({ method, url }, reply) => {
    const [path = ''] = url.split('?', 1) // after it may be a key
    const detail = `nothing is at ${method} ${path.slice(0, 200)}`
    return answerProblem(reply, new Problem(404, 'no_such_route', detail))
  })
  const { answered } = options
  if (answered !== undefined) {
    app.addHook('onResponse', (request, reply, done) => {
      answered(request.routeOptions.url ?? '', reply.statusCode, reply.elapsedTime)
      done()
    })
  }
  addProbes(app, options, keyed ? access : undefined)
  options.routes?.(app, access)
  return app
}

/** All connections of a proxy come from one address. */
function limitsOf({ limits, protection }: Pick<HttpOptions, 'limits' | 'protection'>): Limits {
  const all = { ...defaultLimits, ...limits }
  if (protection?.trustProxy === undefined) return all
  return { ...all, connectionsPerAddressMax: all.connectionsMax }
}

/** As fastify wants it: of several proxies, the nearest is hop 0. */
function trusted(proxies: Protection['trustProxy']) {
  if (proxies === undefined) return false
  if (typeof proxies !== 'number') return [...proxies]
  return (_address: string, hop: number) => hop < proxies
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
    .header('x-content-type-options', 'nosniff') // what was asked for is repeated in some
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
  const answer = answerUnderWay(socket)
  if (error.code === 'ECONNRESET' || !socket.writable || answer?.headersSent === true)
    return void socket.destroy()
  const { status, detail, header = '' } = unreadable(error.code ?? '', answer !== undefined)
  const body = problemJson(status, codeOf(status), detail)
  const head =
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${problemType}\r\n${header}` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`
  socket.end(head + body)
}

/**
 * A body that came too slowly is answered 503, and not 408: clients that send events drop them for that (docs/SDKS.md),
 * though a bad connection is nobody's fault.
 *
 * @param hasHead whether a request's head was here
 */
function unreadable(code: string, hasHead: boolean) {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, detail: 'a request has fewer, or shorter, headers' }
  if (code !== 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: 400, detail: 'this is not a request that HTTP/1.1 knows' }
  if (!hasHead) return { status: 408, detail: 'the head of a request took too long to come' }
  const detail = 'the body took too long to come: send it again, or less in each request'
  return { status: 503, detail, header: 'Retry-After: 1\r\n' }
}

/** Of the request whose head came last on the connection; Node's own handler asks so, too. */
function answerUnderWay(socket: Socket): ServerResponse | undefined {
  const answer = '_httpMessage' in socket ? socket._httpMessage : undefined
  return answer instanceof ServerResponse ? answer : undefined
}

async function drain(app: FastifyInstance, graceMs: number, drainMs: number): Promise<void> {
  if (graceMs > 0) await sayGoodbye(app.server, graceMs)
  const timer = setTimeout(() => app.server.closeAllConnections(), drainMs)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}

const GOODBYE_LOOK_MS = 10

/** Ends when no connection is left, or the time is over. */
async function sayGoodbye(server: Server, graceMs: number): Promise<void> {
  // Before all other listeners, which may answer at once.
  server.prependListener('request', (_request, response: ServerResponse) => {
    response.shouldKeepAlive = false
  })
  // Only the listening socket: http's own close would cut kept connections, on which a request may be on its way.
  TcpServer.prototype.close.call(server)
  await new Promise<void>(resolve => {
    const end = () => {
      clearInterval(looking)
      clearTimeout(late)
      resolve()
    }
    const late = setTimeout(end, graceMs)
    const looking = setInterval(() => {
      server.getConnections((_error, count) => {
        if (count === 0) end()
      })
    }, GOODBYE_LOOK_MS)
  })
}
