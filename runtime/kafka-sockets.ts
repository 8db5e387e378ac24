import net from 'node:net'
import tls from 'node:tls'
import type kafkajs from 'kafkajs'

const keepAliveMs = 60_000
const lengthBytes = 4
/** Larger than any answer that is asked for: whoever announces one does not speak Kafka's protocol. */
const answerBytesMax = 1024 * 1024 * 1024

/**
 * Sockets as kafkajs makes them, but their data comes in whole answers. kafkajs keeps what it has of an answer
 * when its connection is cut, and puts the first bytes of the next connection behind it: from then on it reads
 * nonsense, which throws where nobody can catch it, or waits for ever.
 */
export const wholeAnswers: kafkajs.ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const servername = net.isIP(host) === 0 ? { servername: host } : {}
  const socket = ssl
    ? tls.connect({ host, port, ...servername, ...ssl }, onConnect)
    : net.connect({ host, port }, onConnect)
  socket.setNoDelay(true).setKeepAlive(true, keepAliveMs)
  const frames = new Frames()
  const emit = socket.emit.bind(socket)
  socket.emit = (event: string | symbol, ...rest: unknown[]): boolean => {
    const [chunk] = rest
    if (event !== 'data' || !Buffer.isBuffer(chunk)) return emit(event, ...rest)
    try {
      for (const frame of frames.take(chunk)) emit('data', frame)
    } catch (error) {
      socket.destroy(error as Error)
    }
    return true
  }
  return socket
}

/** Cuts a stream into frames: four bytes of length, then so many bytes. */
export class Frames {
  #chunks: Buffer[] = []
  #bytes = 0
  #needed = lengthBytes

  /** The frames that this chunk completes, each with its length in front. */
  take(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#needed) return []
    let rest = this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : chunk
    const frames: Buffer[] = []
    this.#needed = lengthBytes
    while (rest.length >= lengthBytes) {
      const length = rest.readInt32BE(0)
      if (length < 0 || length > answerBytesMax)
        throw new Error(
          `expected an answer of Kafka, and it begins with a length of ${length}: is this another service's port?`,
        )
      this.#needed = lengthBytes + length
      if (rest.length < this.#needed) break
      frames.push(rest.subarray(0, this.#needed))
      rest = rest.subarray(this.#needed)
      this.#needed = lengthBytes
    }
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#bytes = rest.length
    return frames
  }
}
