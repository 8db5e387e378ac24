import { isIP } from 'node:net'
import type { FastifyInstance } from 'fastify'

export type ListenErrorCode = 'host_needs_keys' | 'port_in_use' | 'port_not_allowed' | 'bad_address'

/** A server that cannot start, for a reason that a person can mend: the message says how. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: ListenErrorCode

  constructor(code: ListenErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/**
 * Listens, and answers the port. Only on loopback where no keys are asked for: there, whoever reaches the port may
 * read and write everything.
 */
export async function listen(
  app: FastifyInstance,
  host: string,
  port: number,
  keyed = false,
): Promise<number> {
  if (!keyed && !isLoopback(host)) {
    throw new ListenError(
      'host_needs_keys',
      `--host ${host} would let everybody on the network in, since no keys protect this server: ` +
        'give --keys, where it has them (millrace keys add), or use --host 127.0.0.1 and put a proxy that checks who asks before it',
    )
  }
  try {
    await app.listen({ host, port })
  } catch (error) {
    throw listenError(error, host, port)
  }
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

/** Whether only this machine can reach it. Names other than `localhost` may mean anything. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true
  return isIP(host) === 4 && host.startsWith('127.')
}

export function urlOf(host: string, port: number, scheme: 'http' | 'https' = 'http'): string {
  return `${scheme}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

function listenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'EADDRINUSE':
      return new ListenError(
        'port_in_use',
        `port ${port} on ${host} is in use by another program: stop it, or choose another with --port (0 takes any free one)`,
        error,
      )
    case 'EACCES':
      return new ListenError(
        'port_not_allowed',
        `port ${port} on ${host} may not be used by this user: choose one above 1023 with --port (0 takes any free one)`,
        error,
      )
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
    case 'ERR_SOCKET_BAD_PORT':
      return new ListenError(
        'bad_address',
        `${host} port ${port} is no address of this machine (${code}): use --host 127.0.0.1 and a --port from 0 to 65535`,
        error,
      )
    default:
      return error
  }
}
