import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { runInPage } from './page-script-browser.ts'

export interface PageScript {
  readonly text: string
  readonly gzipped: Buffer
  /** Of this text and no other: changes with it. */
  readonly path: `/v1/page-${string}.js`
  /** For `<script integrity>`: https://www.w3.org/TR/SRI/ */
  readonly integrity: string
}

/** A year, since what is at a path with a hash never changes; five minutes for what has none. */
const FOR_EVER = 'public, max-age=31536000, immutable'
const FOR_A_WHILE = 'public, max-age=300, stale-while-revalidate=86400'

/**
 * `GET /v1/millrace.js?writeKey=…`: the script for pages without an SDK, cached for minutes; and the same at the path
 * of its hash, cached for ever. A page that names the hash of another version gets the present one for minutes: its
 * calls are the same in all of them, and a page should not go blind when this server is upgraded. The parameters are
 * for the script in the page; all get the same bytes.
 */
export function addPageScript(app: FastifyInstance): void {
  const script = pageScript()
  app.get('/v1/millrace.js', (request, reply) => sendScript(script, FOR_A_WHILE, request, reply))
  app.get('/v1/page-:hash.js', (request: HashRequest, reply) => {
    const isPresent = script.path === `/v1/page-${request.params.hash}.js`
    return sendScript(script, isPresent ? FOR_EVER : FOR_A_WHILE, request, reply)
  })
}

type HashRequest = FastifyRequest<{ Params: { hash: string } }>

export function pageScript(): PageScript {
  const text = `(${squeeze(runInPage.toString())})(window)\n`
  const hash = createHash('sha256').update(text).digest()
  return {
    text,
    gzipped: gzipSync(text, { level: 9 }),
    path: `/v1/page-${hash.toString('hex').slice(0, 16)}.js`,
    integrity: `sha256-${hash.toString('base64')}`,
  }
}

/**
 * Without the spaces that only people need: a tenth of what goes over the wire. True for a text in which no string
 * has a space beside punctuation and no line ends inside one; all other names stay, so that errors can be read.
 */
function squeeze(text: string): string {
  const lines = text.split('\n').map(line => line.trim())
  return lines
    .filter(line => line !== '')
    .join('\n')
    .replaceAll(/ {2,}/g, ' ')
    .replaceAll(/ ?([=<>|&?:(){}[\],;]) ?/g, '$1')
    .replaceAll(/([{([,])\n/g, '$1')
    .replaceAll(/\n([})\]])/g, '$1')
}

function sendScript(
  script: PageScript,
  cacheControl: string,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const etag = `"${script.path.slice('/v1/page-'.length, -'.js'.length)}"`
  reply.headers({
    'access-control-allow-origin': '*',
    'cache-control': cacheControl,
    'cross-origin-resource-policy': 'cross-origin',
    etag,
    vary: 'accept-encoding',
    'x-content-type-options': 'nosniff',
  })
  if (request.headers['if-none-match']?.includes(etag)) return reply.code(304).send()
  reply.type('text/javascript; charset=utf-8')
  if (!/\bgzip\b/.test(String(request.headers['accept-encoding']))) return reply.send(script.text)
  return reply.header('content-encoding', 'gzip').send(script.gzipped)
}
