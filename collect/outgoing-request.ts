import { type LookupAddress, lookup } from 'node:dns'
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'

export interface OutgoingRequest {
  readonly method: 'GET' | 'POST'
  /** http or https, without a login. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface IncomingAnswer {
  readonly status: number
  /** Names in lower case; of one that is there twice the first. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

export interface CallerOptions {
  /** From connecting to the answer's last byte. */
  readonly timeoutMs: number
  /** The most of an answer's body; a longer one is an error. */
  readonly bytesMax: number
  /** Whether addresses of this machine and of private networks may be asked. */
  readonly privateAllowed: boolean
}

/**
 * - `private_address`: the host's address is of this machine or of a private network, which is not allowed.
 * - `answer_too_large`: the body has more than `bytesMax`.
 * - `no_answer`: anything else: no connection, a time-out, an answer that was cut off.
 */
export type OutgoingErrorCode = 'private_address' | 'answer_too_large' | 'no_answer'

export class OutgoingError extends Error {
  override readonly name = 'OutgoingError'
  readonly code: OutgoingErrorCode

  constructor(code: OutgoingErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** What is not the internet: https://www.iana.org/assignments/iana-ipv4-special-registry, and the same for IPv6. */
const PRIVATE = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
  ...['172.16.0.0/12', '192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/3'],
  ...['::/127', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2002::/16'],
  ...['fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
]
const privateAddresses = new BlockList()
for (const network of PRIVATE) {
  const [address = '', bits] = network.split('/')
  privateAddresses.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Whether it is an address of this machine or of a private network, also as an IPv4 address inside an IPv6 one. */
export function isPrivateAddress(address: string): boolean {
  return privateAddresses.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Asks other servers. Never follows a redirect: that would take what is sent to where nobody said. */
export class Caller {
  readonly #options: CallerOptions
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 4 })
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: 4 })

  constructor(options: CallerOptions) {
    this.#options = options
  }

  /** Rejects with an `OutgoingError`, whatever the reason; any status is an answer. */
  async call(outgoing: OutgoingRequest, signal: AbortSignal): Promise<IncomingAnswer> {
    const { timeoutMs } = this.#options
    const late = AbortSignal.timeout(timeoutMs)
    try {
      return await this.#exchange(outgoing, AbortSignal.any([signal, late]))
    } catch (error) {
      if (error instanceof OutgoingError) throw error
      const why = late.aborted ? `nothing whole came within ${timeoutMs} ms` : reasonOf(error)
      throw new OutgoingError('no_answer', `${outgoing.url.host}: ${why}`, error)
    }
  }

  close(): void {
    this.#http.destroy()
    this.#https.destroy()
  }

  async #exchange(
    { method, url, headers, body }: OutgoingRequest,
    signal: AbortSignal,
  ): Promise<IncomingAnswer> {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0) this.#checkAddress(host, host)
    const isHttps = url.protocol === 'https:'
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = {
        ...{ method, signal, lookup: this.#lookup, agent: isHttps ? this.#https : this.#http },
        headers: {
          ...{ 'accept-encoding': 'identity', 'user-agent': 'millrace' },
          ...headers,
          ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
        },
      }
      const request = (isHttps ? requestHttps : requestHttp)(url, options, resolve)
      request.on('error', reject)
      request.end(body)
    })
    return {
      status: answer.statusCode ?? 0,
      headers: new Map(
        Object.entries(answer.headersDistinct).map(([name, values]) => [name, values?.[0] ?? '']),
      ),
      body: await this.#read(answer, url.host),
    }
  }

  async #read(answer: IncomingMessage, host: string): Promise<Buffer> {
    const { bytesMax } = this.#options
    const parts: Buffer[] = []
    let bytes = 0
    for await (const part of answer as AsyncIterable<Buffer>) {
      bytes += part.length
      if (bytes > bytesMax) {
        answer.destroy()
        const message = `${host}: the answer has more than ${bytesMax} bytes: ask for smaller pages`
        throw new OutgoingError('answer_too_large', message)
      }
      parts.push(part)
    }
    if (!answer.complete)
      throw new OutgoingError('no_answer', `${host}: the answer was cut off after ${bytes} bytes`)
    return Buffer.concat(parts)
  }

  /** Checks the very address that is then connected to: a name may mean another one a moment later. */
  readonly #lookup: LookupFunction = (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error) return done(error, '')
      try {
        for (const { address } of found) this.#checkAddress(address, host)
      } catch (refusal) {
        return done(refusal as NodeJS.ErrnoException, '')
      }
      if (options.all === true) return done(null, found)
      done(null, found[0]?.address ?? '', found[0]?.family)
    })
  }

  #checkAddress(address: string, host: string): void {
    if (this.#options.privateAllowed || !isPrivateAddress(address)) return
    throw new OutgoingError(
      'private_address',
      `${host} is an address of this machine or of a private network, and those are not asked unless that is allowed`,
    )
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? `${String(error.code)} ` : ''
  return `${code}${error.message || error.name}`.slice(0, 200)
}
