import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import avsc from 'avsc'

/** What the registry keeps under an id, as its REST API says it. */
export interface Registered {
  readonly schema: string
  readonly schemaType?: string
  readonly references?: readonly { name: string; subject: string; version: number }[]
}

/** A schema registry's REST API, as far as readers ask for it, on a port of its own. */
export class SmallRegistry {
  readonly ids = new Map<number, Registered>()
  /** By `subject/version`. */
  readonly versions = new Map<string, Registered>()
  /** Paths that were asked for, in order. */
  readonly asked: string[] = []
  readonly authorizations = new Set<string | undefined>()
  /** Answers this instead. */
  broken: { readonly status: number; readonly body: string } | undefined
  port = 0
  #server: Server | undefined

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** The same port as before, after a stop. */
  async start(): Promise<void> {
    const server = createServer(({ url = '', headers }, response) => {
      this.asked.push(url)
      this.authorizations.add(headers.authorization)
      const { status, body } = this.broken ?? this.#answer(url)
      response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
      response.end(body)
    })
    this.#server = server
    await new Promise<void>(resolve => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (!server) return
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }

  #answer(url: string): { status: number; body: string } {
    const [, id] = /^\/schemas\/ids\/(\d+)$/.exec(url) ?? []
    const [, subject, version] = /^\/subjects\/([^/]+)\/versions\/(\d+)$/.exec(url) ?? []
    const found =
      id === undefined
        ? this.versions.get(`${decodeURIComponent(subject ?? '')}/${version}`)
        : this.ids.get(Number(id))
    if (found) return { status: 200, body: JSON.stringify(found) }
    const code = id === undefined ? 40402 : 40403
    return { status: 404, body: JSON.stringify({ error_code: code, message: 'not found' }) }
  }
}

/** Confluent's framing, by hand. */
export function framed(id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeInt32BE(id, 1)
  return Buffer.concat([head, payload])
}

type AvscSchema = Parameters<typeof avsc.Type.forSchema>[0]

/** What avsc makes of it. */
export function avro(schema: AvscSchema, value: unknown): Buffer {
  return avsc.Type.forSchema(schema).toBuffer(value)
}
