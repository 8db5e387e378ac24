import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** An HTTP server on a port of its own that answers as a test says, and remembers what it was asked. */
export class SmallSource {
  readonly asked: Asked[] = []
  answer: (asked: Asked, response: ServerResponse) => void = (_asked, response) =>
    response.end('{}')
  url = ''
  #server: Server | undefined

  async start(): Promise<void> {
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const part of request) body += part
      const { method = '', url = '', headers } = request
      const asked = { method, url, headers, body }
      this.asked.push(asked)
      this.answer(asked, response)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    this.#server = server
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }

  paths(): string[] {
    return this.asked.map(({ url }) => url)
  }
}

export function sendJson(response: ServerResponse, content: unknown, headers = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(content))
}

/** Answers the status, and nothing that could be a page. */
export function refuse(response: ServerResponse, status: number, headers = {}): void {
  response.writeHead(status, headers)
  response.end('no')
}
