import type { Random } from '../simulator/random.ts'
import { type FuzzBody, knownBodies } from './fuzz-bodies.ts'
import { randomBody } from './fuzz-random.ts'

/** What one connection sends, in pieces; then it says that nothing more comes. */
export interface FuzzRequest {
  readonly name: string
  readonly pieces: readonly Buffer[]
}

export const FUZZ_KEY = 'a-key-for-fuzz'

const levels = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`
const deep: FuzzBody = {
  name: 'deep in all that is walked through',
  bytes: Buffer.from(
    `[{"type":"track","event":"x","userId":"u","traits":${levels},"properties":${levels}}]`,
  ),
}
const posts = [
  'track',
  'batch',
  'identify',
  'events',
  'profiles',
  'products',
  'forms/news',
  'unsubscribe',
  'm',
  'webhooks/sparkpost',
  `webhooks/mailchimp?secret=${FUZZ_KEY}`,
  'webhooks/mailgun',
  'webhooks/mandrill',
  'webhooks/ses',
].map(path => `/v1/${path}`)
const gets = [
  '/v1/pixel.gif',
  '/v1/click',
  '/v1/unsubscribe',
  '/v1/millrace.js',
  '/v1/projects/x/settings',
  '/v1/page-x.js',
]
const types = [
  'application/json',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'application/json; charset=utf-16',
  ';',
  'x',
  '\x80',
  '__proto__/x',
]

export function knownRequests(): FuzzRequest[] {
  const bodies = knownBodies()
  const small = bodies.filter(({ bytes }) => bytes.length < 5_000)
  return [
    ...bodies.map(body => post('/v1/batch', body)),
    ...posts.flatMap((path, at) =>
      small
        .filter((_, each) => each % posts.length === at)
        .map(body => post(path, body, types[at % types.length])),
    ),
    ...posts.map(path => post(path, deep)),
    ...types.map(type => post('/v1/track', { name: `as ${type}`, bytes: Buffer.from('{}') }, type)),
    ...gets.flatMap(path =>
      queries().map(query =>
        raw(`GET ${path}?${query}`.slice(0, 60), `${head('GET', `${path}?${query}`)}\r\n`),
      ),
    ),
    ...heads().map(([name, text]) => raw(name, text)),
    ...lengths(),
  ]
}

export function randomRequest(random: Random): FuzzRequest {
  const body = randomBody(random)
  const request = post(random.pick(posts), body, random.pick(types))
  if (!random.chance(0.3)) return request
  const [bytes = Buffer.alloc(0)] = request.pieces
  const changed = Buffer.from(bytes)
  const where = random.chance(0.5) ? 120 : changed.length
  for (let times = random.between(1, 4); times > 0; times--)
    changed[random.below(Math.min(where, changed.length))] = random.below(256)
  const at = random.below(changed.length)
  return {
    name: `changed head, ${request.name}`,
    pieces: [changed.subarray(0, at), changed.subarray(at)],
  }
}

function post(
  path: string,
  { name, bytes, encoding }: FuzzBody,
  type = 'application/json',
): FuzzRequest {
  const lines = [`Content-Type: ${type}`, `Content-Length: ${bytes.length}`]
  if (encoding !== undefined) lines.push(`Content-Encoding: ${encoding}`)
  const text = `${head('POST', path)}${lines.join('\r\n')}\r\n\r\n`
  return { name: `${path} ${name}`, pieces: [Buffer.concat([Buffer.from(text, 'latin1'), bytes])] }
}

function head(method: string, path: string): string {
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${FUZZ_KEY}\r\n`
}

function raw(name: string, text: string): FuzzRequest {
  return { name, pieces: [Buffer.from(text, 'latin1')] }
}

function queries(): string[] {
  return [
    '',
    't=',
    't=%00',
    't=%zz',
    't=%ff%fe',
    `t=${'A'.repeat(3_000)}`,
    't=a&t=b',
    't[]=a',
    '__proto__=x&t=__proto__',
    't=../../etc/passwd',
    'u=https://evil.example',
    't=a%0d%0aSet-Cookie:%20x',
    '=&=&&',
    '%',
  ]
}

/** Heads that are no HTTP, or hardly any. */
function heads(): [string, string][] {
  const post = head('POST', '/v1/track')
  const whole = `${post}Content-Length: 2\r\n\r\n{}`
  return [
    ['10,000 headers', `${post}${'X-A: b\r\n'.repeat(10_000)}\r\n`],
    ['one long header', `${post}X-A: ${'b'.repeat(100_000)}\r\n\r\n`],
    ['a long URL', `GET /v1/pixel.gif?${'x'.repeat(12_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ['a header without a colon', `${post}nonsense\r\n\r\n`],
    ['a header with a zero', `${post}X-A: a\0b\r\n\r\n`],
    ['a header over two lines', `${post}X-A: a\r\n b\r\n\r\n`],
    ['a blank before the colon', `${post}Content-Length : 2\r\n\r\n{}`],
    ['no Host', 'GET /health HTTP/1.1\r\n\r\n'],
    ['two Hosts', `GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`],
    ['two lengths', `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`],
    [
      'length and chunks',
      `${post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    ],
    ['an unknown transfer encoding', `${post}Transfer-Encoding: xchunked\r\n\r\n{}`],
    ['a bad chunk size', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
    ['a negative chunk size', `${post}Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n`],
    ['a huge chunk size', `${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\n{}\r\n`],
    ['a chunk that never ends', `${post}Transfer-Encoding: chunked\r\n\r\nfffff\r\n{}`],
    [
      'a long chunk extension',
      `${post}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(50_000)}\r\n{}\r\n0\r\n\r\n`,
    ],
    [
      'chunks with junk after',
      `${post}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\njunk\r\n\r\n`,
    ],
    ['junk after a request', `${whole}\x00\xff junk\r\n\r\n`],
    ['many requests at once', whole.repeat(100)],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['HTTP/0.9', 'GET /health\r\n'],
    ['HTTP/9.9', 'GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n'],
    ['an unknown method', 'FROBNICATE /v1/track HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['TRACE', `TRACE /v1/track HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nOrigin: x\r\n\r\n'],
    ['an upgrade', `${head('GET', '/v1/track')}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`],
    ['an expectation', `${post}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`],
    ['another expectation', `${post}Expect: miracles\r\nContent-Length: 2\r\n\r\n{}`],
    ['a whole URL', `${head('GET', 'http://evil.example/health')}\r\n`],
    ['a path with dots', `${head('GET', '/v1/../../../etc/passwd')}\r\n`],
    ['a path with a zero', `${head('GET', '/v1/%00')}\r\n`],
    ['a path that is no UTF-8', `${head('GET', '/v1/projects/%ff%fe/settings')}\r\n`],
    ['a path that is no URL', `${head('GET', '//[')}\r\n`],
    [
      'an Origin with a line',
      `${post}Origin: https://x\x0bSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}`,
    ],
    ['an Origin that is no text', `${post}Origin: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}`],
    [
      'a Basic that is no base64',
      `POST /v1/track HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic \xff\xff\r\nContent-Length: 2\r\n\r\n{}`,
    ],
    ['a Host that is no name', 'GET /v1/projects/x/settings HTTP/1.1\r\nHost: [[[\r\n\r\n'],
    ['only line ends', '\r\n'.repeat(1_000)],
    ['nothing', ''],
  ]
}

/** Bodies that are not as long as they say. */
function lengths(): FuzzRequest[] {
  const lengths = [
    '1',
    '3',
    '100000',
    '2147483648',
    '-1',
    '1e3',
    '0x10',
    ' ',
    '99999999999999999999',
  ]
  return lengths.map(length =>
    raw(`length ${length}`, `${head('POST', '/v1/track')}Content-Length: ${length}\r\n\r\n{}`),
  )
}
