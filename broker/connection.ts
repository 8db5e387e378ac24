import { once } from 'node:events'
import type { Socket } from 'node:net'
import { ProtocolError } from '../protocol/error.ts'
import type { BrokerParts } from './api.ts'
import { dispatch } from './dispatch.ts'
import type { BrokerLog } from './log.ts'
import type { MemoryBudget } from './memory-budget.ts'

/** `socket.request.max.bytes` */
const REQUEST_BYTES_MAX = 100 * 1024 * 1024
/** Smaller requests are let in without asking for memory. */
const SMALL_REQUEST_BYTES = 1024 * 1024
/** Read ahead of the request being answered. */
const READ_AHEAD_BYTES = 256 * 1024
/** `connections.max.idle.ms` */
const IDLE_MS_MAX = 10 * 60_000
/** A large request that stops coming would keep others from the memory that it was promised. */
const STALLED_MS_MAX = 30_000
const LENGTH_BYTES = 4

export interface ConnectionOptions {
  readonly broker: BrokerParts
  /** For requests larger than 1 MB. */
  readonly budget: MemoryBudget
  /** For the records of answers. */
  readonly answers: MemoryBudget
  readonly log: BrokerLog
}

/**
 * One client. Its requests are answered one at a time and in order, as in Kafka, so a client that asks faster than
 * it reads is held back by TCP. A client that sends something else is cut off; nobody else notices.
 */
export function serveConnection(socket: Socket, options: ConnectionOptions): void {
  const { broker, budget, answers, log } = options
  const gone = new AbortController()
  const input = new FrameBuffer()
  let held = 0
  const memory = {
    get left() {
      return answers.left
    },
    hold(bytes: number) {
      answers.takeNow(bytes)
      held += bytes
    },
  }
  const client = { host: `/${socket.remoteAddress ?? ''}`, gone: gone.signal, memory }
  let busy = false
  socket.setNoDelay(true)
  socket.setTimeout(IDLE_MS_MAX)
  socket.on('timeout', () => socket.destroy())
  socket.on('error', error =>
    log({ level: 'debug', message: `connection of ${client.host}: ${error.message}` }),
  )
  socket.on('close', () => {
    gone.abort()
    release()
  })
  socket.on('data', chunk => {
    input.add(chunk)
    if (busy && input.bytes > READ_AHEAD_BYTES) socket.pause()
    void pump()
  })

  async function pump(): Promise<void> {
    if (busy) return
    busy = true
    try {
      while (!gone.signal.aborted && (await next()));
    } catch (error) {
      const expected = error instanceof ProtocolError
      const message = `closed the connection of ${client.host}: ${expected ? error.message : errorText(error)}`
      log({ level: expected ? 'warn' : 'error', message })
      socket.destroy()
    }
    busy = false
    socket.resume()
  }

  /** Answers the next request; false when it is not there as a whole. */
  async function next(): Promise<boolean> {
    const length = input.frameBytes()
    if (length === undefined) return false
    if (length < 0 || length > REQUEST_BYTES_MAX) {
      throw new ProtocolError(
        'too-large',
        `a request of ${length} bytes; 0 to ${REQUEST_BYTES_MAX} are allowed`,
      )
    }
    if (length <= SMALL_REQUEST_BYTES) return answer(length)
    if (input.reserved === undefined) {
      socket.pause()
      input.reserved = await budget.take(length, gone.signal)
      socket.resume()
      socket.setTimeout(STALLED_MS_MAX)
    }
    const answered = await answer(length)
    if (answered) release()
    return answered
  }

  function release(): void {
    if (input.reserved !== undefined) budget.give(input.reserved)
    input.reserved = undefined
    socket.setTimeout(IDLE_MS_MAX)
  }

  async function answer(length: number): Promise<boolean> {
    const frame = input.take(length)
    if (frame === undefined) return false
    try {
      const pieces = await dispatch(frame, client, broker)
      if (pieces !== undefined && !gone.signal.aborted) await write(pieces)
    } finally {
      answers.give(held)
      held = 0
    }
    return true
  }

  /** Resolves when the client has taken it, but for what lies in the socket's own small buffers. */
  async function write(pieces: readonly Uint8Array[]): Promise<void> {
    const head = Buffer.allocUnsafe(LENGTH_BYTES)
    head.writeInt32BE(pieces.reduce((sum, piece) => sum + piece.length, 0))
    socket.cork()
    socket.write(head)
    let flowing = true
    for (const piece of pieces) if (piece.length > 0) flowing = socket.write(piece)
    socket.uncork()
    if (!flowing && !gone.signal.aborted) await drained()
  }

  /** Also when the client goes: then nobody waits for the rest. */
  async function drained(): Promise<void> {
    await once(socket, 'drain', { signal: gone.signal }).catch(() => 'it has gone')
  }
}

/** Bytes as they come, frames as they go. */
class FrameBuffer {
  bytes = 0
  /** Of the memory budget, for the frame that is being read. */
  reserved: number | undefined
  private chunks: Buffer[] = []

  add(chunk: Buffer): void {
    this.chunks.push(chunk)
    this.bytes += chunk.length
  }

  /** Length of the next frame, as it says itself; undefined when not even that is there. */
  frameBytes(): number | undefined {
    if (this.bytes < LENGTH_BYTES) return undefined
    if ((this.chunks[0]?.length ?? 0) < LENGTH_BYTES) this.chunks = [Buffer.concat(this.chunks)]
    return this.chunks[0]?.readInt32BE(0)
  }

  take(length: number): Buffer | undefined {
    const end = LENGTH_BYTES + length
    if (this.bytes < end) return undefined
    const [first = Buffer.alloc(0)] = this.chunks
    const whole = first.length >= end ? first : Buffer.concat(this.chunks)
    const rest = whole === first ? this.chunks.slice(1) : []
    if (whole.length > end) rest.unshift(whole.subarray(end))
    this.chunks = rest
    this.bytes -= end
    return whole.subarray(LENGTH_BYTES, end)
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
