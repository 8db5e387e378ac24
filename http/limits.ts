import type { FastifyInstance } from 'fastify'
import { Problem } from './problem.ts'

/** What one client can ask of a server, so that it cannot keep it from the others. */
export interface Limits {
  /** Header lines of a request. */
  readonly headersMax: number
  /** The request line and all headers, bytes. */
  readonly headBytesMax: number
  readonly urlCharsMax: number
  /** Within this time the head of a request must be here, ms. */
  readonly headMsMax: number
  /** Within this time all of a request must be here, ms; its connection ends else. */
  readonly requestMsMax: number
  /** How long a connection may be silent, ms. */
  readonly idleMsMax: number
  /** How often it is looked for requests that take too long, ms. */
  readonly lookEveryMs: number
  readonly connectionsMax: number
  /** From one address; this machine may have as many as it likes, since a proxy may be on it. */
  readonly connectionsPerAddressMax: number
}

export const defaultLimits: Limits = {
  headersMax: 100,
  headBytesMax: 16_384,
  urlCharsMax: 8_000,
  headMsMax: 10_000,
  requestMsMax: 15_000,
  /** Longer than the 60 s after which most load balancers drop an idle connection, so that they do it, not we. */
  idleMsMax: 65_000,
  lookEveryMs: 2_000,
  connectionsMax: 10_000,
  connectionsPerAddressMax: 500,
}

/** Refuses, in words, what the limits forbid and Node lets through, or has no words for. */
export function refuseOverLimits(app: FastifyInstance, limits: Limits): void {
  const { headersMax, urlCharsMax } = limits
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    if (raw.headers.host === undefined && raw.httpVersion === '1.1') {
      const detail = 'a request of HTTP/1.1 says in its header Host which server it means'
      return done(new Problem(400, 'no_host', detail))
    }
    const { length } = raw.url ?? ''
    if (length > urlCharsMax) {
      const detail = `a URL has at most ${urlCharsMax} characters, this one has ${length}: send the rest as the body of a POST`
      return done(new Problem(414, 'url_too_long', detail))
    }
    if (raw.rawHeaders.length > 2 * headersMax) {
      const detail = `a request has at most ${headersMax} headers, and this one has more`
      return done(new Problem(431, 'too_many_headers', detail))
    }
    done()
  })
}
