import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { JSON_DEPTH_MAX, parseJson } from '../http/json.ts'
import { Problem } from '../http/problem.ts'

/** Lets `request.body` be the bytes as they came, whatever the content type says: clients say what they like. */
export function readBodiesRaw(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addHook('onRequest', ({ headers }, _reply, done) => {
    const type = headers['content-type']
    if (type !== undefined && type !== usual && !mediaType.test(type))
      delete headers['content-type'] // else it is answered 415
    done()
  })
  // The usual ones by name: fastify takes the header apart anew for each request that only `*` fits.
  app.addContentTypeParser(
    [usual, 'text/plain', '*'],
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  )
}

/** The bytes as they were sent, maybe compressed; none without a body. A signature is made over these. */
export function rawBody(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : none
}

/** As `parseBody` of `readBody`. */
export function readJson(request: FastifyRequest, bytesMax: number): unknown {
  return parseBody(readBody(request, bytesMax))
}

/**
 * The bytes of a body: unpacked as Content-Encoding says, or as gzip's first bytes do, since a beacon cannot set a
 * header.
 *
 * @param bytesMax of what it unpacks to
 * @throws Problem 400, 413 or 415
 */
export function readBody(request: FastifyRequest, bytesMax: number): Buffer {
  const body = unpacked(rawBody(request), request.headers['content-encoding'], bytesMax)
  if (body.length > 0) return body
  throw new Problem(
    400,
    'no_body',
    'expected an event, or a batch of events, as JSON; the body is empty',
  )
}

/**
 * The JSON of a body. Keys named `__proto__`, and `constructor` with a `prototype`, are left out; of a key that is there
 * twice the last counts. Bytes that are no UTF-8 read as U+FFFD. Throws a `Problem` with 400.
 */
export function parseBody(body: Buffer): unknown {
  try {
    return parseJson(body)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Problem(
      400,
      'not_json',
      `expected an event, or a batch of events, as JSON of at most ${JSON_DEPTH_MAX} levels; the body is none`,
    )
  }
}

const usual = 'application/json'
const mediaType = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/
const none = Buffer.alloc(0)

/**
 * Not in a thread: what comes out is bounded, so this takes two milliseconds at most, and for what most clients
 * send less than handing it over would.
 */
function unpacked(body: Buffer, encoding: string | undefined, bytesMax: number): Buffer {
  const isGzip = body[0] === 0x1f && body[1] === 0x8b
  const unpack = isGzip ? gunzipSync : unpackers[encoding?.trim().toLowerCase() ?? '']
  if (unpack === undefined) {
    throw new Problem(
      415,
      'unknown_encoding',
      `Content-Encoding: expected gzip, deflate, br or none; this one is another`,
    )
  }
  if (unpack === asItIs) return body
  try {
    return unpack(body, { maxOutputLength: bytesMax })
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(bytesMax)
    throw new Problem(400, 'not_unpackable', 'the body is not packed as its Content-Encoding says')
  }
}

type Unpack = (body: Buffer, options: { maxOutputLength: number }) => Buffer

const asItIs: Unpack = body => body
/** Some clients name an encoding and do not encode: what begins like JSON is taken for that. */
const unpackers: Readonly<Record<string, Unpack>> = {
  '': asItIs,
  identity: asItIs,
  gzip: orPlain(gunzipSync),
  'x-gzip': orPlain(gunzipSync),
  deflate: orPlain(inflateSync),
  br: brotliDecompressSync,
}

function orPlain(unpack: Unpack): Unpack {
  return (body, options) => (body[0] === 0x7b || body[0] === 0x5b ? body : unpack(body, options))
}

function tooLarge(bytesMax: number): Problem {
  return new Problem(413, 'body_too_large', `a body has at most ${bytesMax} bytes, also unpacked`)
}
