import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Limits } from './limits.ts'
import { isLoopback } from './listen.ts'
import { problemJson, problemType } from './problem.ts'
import type { Tls } from './tls.ts'

/** Node's server with our limits, with TLS where there is a certificate. */
export function createNodeServer(handle: RequestListener, limits: Limits, tls?: Tls): Server {
  const options = {
    maxHeaderSize: limits.headBytesMax,
    headersTimeout: limits.headMsMax,
    requestTimeout: limits.requestMsMax,
    keepAliveTimeout: limits.idleMsMax,
    connectionsCheckingInterval: limits.lookEveryMs,
    requireHostHeader: false, // see refuseOverLimits
  }
  const server = tls === undefined ? createServer(options, handle) : tlsServer(options, handle, tls)
  server.setTimeout(limits.idleMsMax)
  // One more than is allowed, so that it can be seen: Node leaves out what is over this, and says nothing.
  server.maxHeadersCount = limits.headersMax + 1
  server.maxConnections = limits.connectionsMax
  // A client may end its side once it has sent its request: without this Node ends the other, and the answer is lost.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.on('checkExpectation', refuseExpectation)
  limitPerAddress(server, limits.connectionsPerAddressMax)
  return server
}

const HANDSHAKE_MS_MAX = 10_000

function tlsServer(options: object, handle: RequestListener, tls: Tls): Server {
  const handshake = { minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MS_MAX } as const
  const server = createTlsServer({ ...options, ...handshake, ...tls.pair }, handle)
  const stop = tls.onRenewal(pair => server.setSecureContext({ ...handshake, ...pair }))
  server.on('close', stop)
  return server
}

function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const detail = 'Expect: this server knows 100-continue, and this is another'
  response.writeHead(417, { 'content-type': problemType, connection: 'close' })
  response.end(problemJson(417, 'unknown_expectation', detail))
}

function limitPerAddress(server: Server, most: number): void {
  const open = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    if (isLoopback(address.replace(/^::ffff:/i, ''))) return
    const count = (open.get(address) ?? 0) + 1
    if (count > most) return void socket.destroy()
    open.set(address, count)
    socket.once('close', () => {
      const rest = (open.get(address) ?? 1) - 1
      if (rest === 0) open.delete(address)
      else open.set(address, rest)
    })
  })
}
