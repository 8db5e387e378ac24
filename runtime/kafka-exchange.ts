import { Writer } from '../protocol/writer.ts'
import type { Broker } from './kafka-cluster.ts'

/** One kind of request, of a version whose head has no tagged fields. */
export interface Api {
  readonly apiKey: number
  readonly apiVersion: number
  /** For people. */
  readonly apiName: string
}

/** A connection of kafkajs, as far as requests go out that it does not encode itself. */
export interface Connection {
  readonly clientId: string
  /** Undefined, or null, where no login is asked for. */
  readonly sasl?: unknown
  readonly socket: { write(bytes: Uint8Array): unknown }
  readonly requestQueue: {
    /** Sends it at once, or when the broker lets it; the entry is settled by the answer, or where none comes. */
    push(request: {
      entry: Api & {
        correlationId: number
        resolve(answered: { payload: Buffer }): void
        reject(error: Error): void
      }
      expectResponse: boolean
      requestTimeout: number | null
      sendRequest(): void
    }): void
  }
  isAuthenticated(): boolean
  authenticate(): Promise<void>
  /** Throws where the connection is lost. */
  failIfNotConnected(): void
  nextCorrelationId(): number
}

const FRAME_BYTES = 4
const HEAD_BYTES = 2 + 2 + 4 + 2
/** Of one unit of UTF-16. */
const UTF8_BYTES_MAX = 3

/**
 * Sends one request that kafkajs does not encode itself, and hands its answer's bytes to `read`. Connects, and logs in,
 * where that has to be done.
 *
 * Hot path: kafkajs' own way copies each request twice, and has a promise for each step.
 *
 * @param bodyBytes that `write` will write, as far as that is known
 */
export async function exchange<Answer>(
  broker: Broker,
  api: Api,
  bodyBytes: number,
  write: (body: Writer) => unknown,
  read: (answer: Buffer) => Answer,
): Promise<Answer> {
  const connection = await broker.connectionPool.getConnectionByRequest({ request: api })
  if (connection.sasl && !connection.isAuthenticated()) await connection.authenticate()
  connection.failIfNotConnected()
  const correlationId = connection.nextCorrelationId()
  const { clientId } = connection
  const frame = new Writer(FRAME_BYTES + HEAD_BYTES + clientId.length * UTF8_BYTES_MAX + bodyBytes)
  frame.int32(0).int16(api.apiKey).int16(api.apiVersion).int32(correlationId).string(clientId)
  write(frame)
  frame.patchInt32(0, frame.size - FRAME_BYTES)
  const { payload } = await new Promise<{ payload: Buffer }>((resolve, reject) => {
    connection.requestQueue.push({
      entry: { ...api, correlationId, resolve, reject },
      expectResponse: true,
      requestTimeout: null,
      sendRequest: () => connection.socket.write(frame.finish()),
    })
  })
  return read(payload)
}
