import { createServer, type Server } from 'node:http'

export interface Site {
  readonly url: string
  /** What is served at a path from now on; HTML, but for paths that end in `.js`. */
  page(path: string, body: string | Buffer): void
  /** The Referer of the last request for a path; '' when it had none. */
  refererOf(path: string): string | undefined
  close(): Promise<void>
}

/** A web site of a shop, on another origin than the server that takes its events. */
export async function openSite(): Promise<Site> {
  const pages = new Map<string, string | Buffer>()
  const referers = new Map<string, string>()
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://site')
    const body = pages.get(pathname)
    referers.set(pathname, request.headers.referer ?? '')
    const type = pathname.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8'
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type }).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the site has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    page: (path, body) => void pages.set(path, body),
    refererOf: path => referers.get(path),
    close() {
      server.closeAllConnections()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}
