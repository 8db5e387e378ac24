import type { FastifyInstance } from 'fastify'
import { isLoopback } from './listen.ts'
import { Problem } from './problem.ts'

/**
 * Refuses requests for another host than this machine, for servers that ask for no keys: a page of the web can have
 * its own name point at 127.0.0.1 (DNS rebinding), and its browser's user would then read and write for it; but
 * the name stays in the header Host.
 */
export function refuseOtherHosts(app: FastifyInstance): void {
  let known = '' // nearly all requests say the same
  app.addHook('onRequest', ({ headers }, _reply, done) => {
    const { host = '' } = headers
    if (host === known && known !== '') return done()
    if (isLoopbackHost(host)) {
      known = host
      return done()
    }
    const detail =
      'this server asks for no keys, so it answers only requests for localhost: ' +
      'start it with --keys, or let the proxy before it send Host: localhost'
    done(new Problem(421, 'other_host', detail))
  })
}

function isLoopbackHost(host: string): boolean {
  const [, name = ''] = /^(\[[0-9a-f:.]+\]|[^:]*)(?::\d{1,5})?$/i.exec(host) ?? []
  return isLoopback(name.toLowerCase().replaceAll(/^\[|\]$/g, ''))
}
