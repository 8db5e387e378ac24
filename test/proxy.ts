import { connect, createServer, type Socket } from 'node:net'
import { systemClock } from '../runtime/clock.ts'

/** Kafka's numbers of requests that tests hit. https://kafka.apache.org/protocol#protocol_api_keys */
export const apis = {
  Produce: 0,
  Fetch: 1,
  Heartbeat: 12,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
} as const

export type Api = keyof typeof apis

/**
 * What befalls an exchange: the connection is cut before the broker has the request (`lose-request`), after it has
 * answered (`lose-answer`), or in the middle of the answer (`half-answer`); or the answer waits; or, of a Produce, it
 * says this error instead, though all is written.
 */
export type Mishap =
  | 'lose-request'
  | 'lose-answer'
  | 'half-answer'
  | { readonly delayMs: number }
  | { readonly produceError: number }

/** Between clients and a broker on 127.0.0.1; the addresses in the broker's answers are turned into its own. */
export interface BrokerProxy {
  readonly address: string
  /** The next exchange of this kind meets with the mishap; resolves when it has. */
  once(api: Api, mishap: Mishap): Promise<void>
  close(): Promise<void>
}

interface Armed {
  readonly mishap: Mishap
  readonly onHit: () => void
}

export async function startProxy(target: string): Promise<BrokerProxy> {
  const targetPort = Number(target.split(':')[1])
  const armed = new Map<number, Armed>()
  const sockets = new Set<Socket>()
  let port = 0
  const server = createServer(client => {
    const broker = connect(targetPort, '127.0.0.1')
    for (const socket of [client, broker]) {
      sockets.add(socket.setNoDelay())
      socket.on('error', () => undefined) // `close` follows, and is what counts
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        broker.destroy()
      })
    }
    relay(client, broker, armed, answer => replacePort(answer, targetPort, port))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const listening = server.address()
  if (listening === null || typeof listening === 'string') throw new Error('the proxy has no port')
  port = listening.port
  return {
    address: `127.0.0.1:${port}`,
    once: (api, mishap) => new Promise(resolve => armed.set(apis[api], { mishap, onHit: resolve })),
    async close() {
      const closed = new Promise(resolve => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function relay(
  client: Socket,
  broker: Socket,
  armed: Map<number, Armed>,
  ownAddress: (answer: Buffer) => void,
): void {
  const cut = () => {
    client.destroy()
    broker.destroy()
  }
  /** Mishaps of answers to come, by correlation id. */
  const awaited = new Map<number, Armed>()
  let answered: Promise<unknown> = Promise.resolve()

  const ask = (request: Buffer) => {
    const api = request.readInt16BE(4)
    const hit = armed.get(api)
    if (hit !== undefined) {
      armed.delete(api)
      if (hit.mishap === 'lose-request') {
        hit.onHit()
        return cut()
      }
      awaited.set(request.readInt32BE(8), hit)
    }
    broker.write(request)
  }
  const answer = async (frame: Buffer) => {
    ownAddress(frame)
    const correlation = frame.readInt32BE(4)
    const hit = awaited.get(correlation)
    awaited.delete(correlation)
    if (hit === undefined) return client.write(frame)
    hit.onHit()
    if (hit.mishap === 'half-answer') client.end(frame.subarray(0, frame.length / 2), cut)
    else if (hit.mishap === 'lose-answer') cut()
    else if (hit.mishap === 'lose-request') return
    else if ('produceError' in hit.mishap) {
      replaceErrors(frame, hit.mishap.produceError)
      client.write(frame)
    } else {
      await systemClock.sleep(hit.mishap.delayMs)
      client.write(frame)
    }
  }
  const onRequest = frames(ask)
  const onAnswer = frames(frame => {
    answered = answered.then(() => answer(frame)) // answers keep their order
  })
  client.on('data', onRequest)
  broker.on('data', onAnswer)
}

/** Calls `each` with whole frames: four bytes of length, then so many bytes. */
function frames(each: (frame: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = []
  let bytes = 0
  return chunk => {
    chunks.push(chunk)
    bytes += chunk.length
    const first = chunks[0] ?? chunk
    if (first.length >= 4 && bytes < 4 + first.readInt32BE(0)) return
    let rest = Buffer.concat(chunks)
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      each(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
    chunks = rest.length > 0 ? [rest] : []
    bytes = rest.length
  }
}

/** In the answer to a Produce: topics, each with its name and its partitions of 30 bytes, the error after the number. */
function replaceErrors(answer: Buffer, code: number): void {
  let at = 12
  for (let topics = answer.readInt32BE(8); topics > 0; topics--) {
    at += 2 + answer.readInt16BE(at)
    let partitions = answer.readInt32BE(at)
    for (at += 4; partitions > 0; partitions--) {
      answer.writeInt16BE(code, at + 4)
      at += 30
    }
  }
}

const host = Buffer.from('127.0.0.1')

/** A host in an answer is followed by its port, in four bytes (Metadata, FindCoordinator). */
function replacePort(answer: Buffer, from: number, to: number): void {
  for (let at = answer.indexOf(host); at >= 0; at = answer.indexOf(host, at + 1)) {
    const portAt = at + host.length
    if (portAt + 4 <= answer.length && answer.readInt32BE(portAt) === from)
      answer.writeInt32BE(to, portAt)
  }
}
