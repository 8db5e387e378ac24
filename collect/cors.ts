import type { FastifyInstance } from 'fastify'

const METHODS = 'GET, POST, OPTIONS'
/** What SDKs send beside what any page may. */
const HEADERS = 'Authorization, Content-Type, Content-Encoding, X-Retry-Count, AnonymousId'
const PREFLIGHT_SECONDS = '7200'
/** Below these pages send; metrics and probes are not there, so that no page reads those of a machine that it is looked at on. */
const FOR_PAGES = ['/v1/', '/posthog/']

/**
 * Lets browsers' pages ask, and read the answer, its Retry-After too. A preflight brings no key, so which pages may
 * write is looked at when they do: a key names its origins. Nothing here goes by cookies, so that a page could
 * not do more with them than without.
 */
export function allowPages(app: FastifyInstance): void {
  app.addHook('onRequest', ({ url, headers: { origin } }, reply, done) => {
    if (origin === undefined || !FOR_PAGES.some(path => url.startsWith(path))) return done()
    reply.headers({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true', // beacons are sent with credentials, always
      'access-control-expose-headers': 'Retry-After',
      vary: 'Origin',
    })
    done()
  })
  for (const path of FOR_PAGES)
    app.options(`${path}*`, async (_request, reply) =>
      reply
        .code(204)
        .headers({
          'access-control-allow-methods': METHODS,
          'access-control-allow-headers': HEADERS,
          'access-control-max-age': PREFLIGHT_SECONDS,
        })
        .send(),
    )
}
