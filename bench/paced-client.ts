import { connect, type Socket } from 'node:net'
import { systemClock } from '../runtime/clock.ts'

export interface PacedOptions {
  readonly host: string
  readonly port: number
  /** POST when left out. */
  readonly method?: 'GET' | 'POST'
  readonly path: string | ((request: number) => string)
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  /** Requests that become due each second, evenly, whether earlier ones are answered or not. */
  readonly perSecond: number
  /** Nothing is sent any more when it aborts; what is under way is waited for. */
  readonly signal: AbortSignal
  /** Empty when left out. */
  readonly body?: (request: number) => string
  /** `status` is undefined where the connection ended first. `ms`: since the request was due. */
  readonly answered: (request: number, status: number | undefined, ms: number) => void
}

const RECONNECT_MS = 50
const HEAD_END = Buffer.from('\r\n\r\n')

/**
 * Asks at a constant rate over connections that are kept. A request that finds all of them busy waits for one, and
 * that counts: slow answers cannot hide by slowing the load down.
 */
export async function sendPaced(options: PacedOptions): Promise<{ readonly requests: number }> {
  const { perSecond, connections, signal } = options
  const startedAt = systemClock.elapsed()
  const dueAt = (request: number) => startedAt + (request * 1_000) / perSecond
  const all = Array.from({ length: connections }, () => new PacedConnection(options, dueAt))
  const idle = [...all]
  for (const connection of all) connection.onIdle = () => idle.push(connection)
  let sent = 0
  const sendDue = () => {
    const due = ((systemClock.elapsed() - startedAt) * perSecond) / 1_000
    while (sent < due && !signal.aborted) {
      const connection = idle.pop()
      if (connection === undefined) return
      connection.send(sent++)
    }
  }
  const stop = systemClock.every(1, sendDue)
  await new Promise<void>(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  stop()
  while (all.some(connection => connection.isBusy)) await systemClock.sleep(5)
  for (const connection of all) connection.close()
  return { requests: sent }
}

/** One request at a time; connects again when the server has ended it. */
class PacedConnection {
  onIdle: () => void = () => undefined
  readonly #options: PacedOptions
  readonly #dueAt: (request: number) => number
  readonly #headers: string
  #socket: Socket | undefined
  #request: number | undefined
  #received: Buffer = Buffer.alloc(0)
  /** Whether it has said that it is. */
  #idle = true
  #closed = false

  constructor(options: PacedOptions, dueAt: (request: number) => number) {
    this.#options = options
    this.#dueAt = dueAt
    const { headers, host, port } = options
    const lines = Object.entries({ host: `${host}:${port}`, ...headers })
    const named = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    this.#headers = ` HTTP/1.1\r\n${named}content-length: `
  }

  get isBusy(): boolean {
    return this.#request !== undefined
  }

  send(request: number): void {
    this.#request = request
    this.#idle = false
    const { method = 'POST', path, body: bodyOf } = this.#options
    const body = bodyOf?.(request) ?? ''
    const target = typeof path === 'string' ? path : path(request)
    this.#socket ??= this.#connect()
    this.#socket.write(
      `${method} ${target}${this.#headers}${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
  }

  close(): void {
    this.#closed = true
    this.#socket?.destroy()
  }

  #connect(): Socket {
    const { host, port } = this.#options
    const socket = connect(port, host).setNoDelay()
    socket.on('data', bytes => this.#receive(bytes))
    socket.on('error', () => undefined) // `close` follows, and is what counts
    socket.on('close', () => this.#lost(socket))
    return socket
  }

  #receive(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    const headEnd = this.#received.indexOf(HEAD_END)
    if (headEnd < 0) return
    const head = this.#received.toString('latin1', 0, headEnd)
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#received.length < headEnd + HEAD_END.length + length) return
    this.#received = Buffer.alloc(0)
    this.#answered(Number(head.slice(9, 12)))
    if (/\r\nconnection: close/i.test(head)) this.#socket?.destroy()
    else this.#becomeIdle()
  }

  async #lost(socket: Socket): Promise<void> {
    if (socket !== this.#socket) return
    this.#socket = undefined
    this.#received = Buffer.alloc(0)
    this.#answered(undefined)
    if (this.#closed) return
    await systemClock.sleep(RECONNECT_MS)
    this.#becomeIdle()
  }

  #becomeIdle(): void {
    if (this.#idle) return
    this.#idle = true
    this.onIdle()
  }

  #answered(status: number | undefined): void {
    const request = this.#request
    if (request === undefined) return
    this.#request = undefined
    this.#options.answered(request, status, systemClock.elapsed() - this.#dueAt(request))
  }
}
