import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { systemClock } from '../../runtime/clock.ts'

export interface Answer {
  readonly path: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly ms: number
}

const CLIENTS = 8
/** One call in so many goes to a server that does nothing, to see how long any answer takes on this machine now. */
const BARE_EVERY = 8

/**
 * Asks for paths over and over, several at once on connections that are kept, as an email provider does. A GET whose
 * connection is reset before a byte of its answer came is sent once more, as RFC 9110 (9.2.2) lets clients do and they
 * do; its time is that of both.
 */
export class Burst {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  readonly #port: number
  readonly #barePort: number
  readonly #pathOf: (call: number) => string
  readonly #judge: (answer: Answer) => string | undefined
  readonly #ending = new AbortController()
  readonly #clients: Promise<unknown>
  readonly faults: string[] = []
  readonly times: number[] = []
  /** Of the server that does nothing. */
  readonly bareTimes: number[] = []
  readonly sources = new Map<string, number>()
  again = 0

  constructor(
    ports: { readonly port: number; readonly bare: number },
    pathOf: (call: number) => string,
    judge: (answer: Answer) => string | undefined,
  ) {
    this.#port = ports.port
    this.#barePort = ports.bare
    this.#pathOf = pathOf
    this.#judge = judge
    this.#clients = Promise.all(Array.from({ length: CLIENTS }, () => this.#ask()))
  }

  get calls(): number {
    return this.times.length
  }

  async end(): Promise<void> {
    this.#ending.abort()
    await this.#clients
    this.#agent.destroy()
  }

  async #ask(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      if (this.calls % BARE_EVERY === 0) await this.#askBare()
      const path = this.#pathOf(this.calls)
      const startedAt = systemClock.elapsed()
      try {
        const { status, headers, body } = await this.#get(path).catch(error => {
          if (!isReset(error)) throw error
          this.again++
          return this.#get(path)
        })
        const ms = systemClock.elapsed() - startedAt
        this.times.push(ms)
        const source = String(headers['millrace-source'])
        this.sources.set(source, (this.sources.get(source) ?? 0) + 1)
        const fault = this.#judge({ path, status, headers, body, ms })
        if (fault !== undefined) this.faults.push(`${fault}: ${path} took ${Math.round(ms)} ms`)
      } catch (error) {
        this.times.push(systemClock.elapsed() - startedAt)
        this.faults.push(`${error}: ${path}`)
        await systemClock.sleep(20)
      }
    }
  }

  async #askBare(): Promise<void> {
    const startedAt = systemClock.elapsed()
    await this.#get('/', this.#barePort)
    this.bareTimes.push(systemClock.elapsed() - startedAt)
  }

  #get(path: string, port = this.#port): Promise<Omit<Answer, 'path' | 'ms'>> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, agent: this.#agent }
      const asked = request({ ...options, timeout: 10_000 }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => void chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response
          resolve({ status, headers, body: Buffer.concat(chunks) })
        })
      })
      asked.on('timeout', () => asked.destroy(new Error('no answer in 10 s')))
      // Once an answer has begun this comes too late to reject, and the response's own error counts.
      asked.on('error', error =>
        reject(new Error(`unanswered: ${error.message}`, { cause: error })),
      )
      asked.end()
    })
  }
}

/** By the connection, before an answer. */
function isReset(error: unknown): boolean {
  if (!(error instanceof Error) || !error.message.startsWith('unanswered')) return false
  const { cause } = error
  return (
    cause instanceof Error &&
    'code' in cause &&
    ['ECONNRESET', 'EPIPE'].includes(String(cause.code))
  )
}
