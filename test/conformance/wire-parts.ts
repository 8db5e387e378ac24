import { randomUUID } from 'node:crypto'
import { errorName } from '../../protocol/error-codes.ts'
import type { Reader } from '../../protocol/reader.ts'
import { encodeRecordBatch, type OutgoingRecord } from '../../protocol/record-batch.ts'
import type { AbortedTransaction } from '../../protocol/visible.ts'

export interface Producer {
  readonly producerId: number
  readonly epoch: number
}

export interface FetchOptions {
  readonly committed?: boolean
  readonly waitMs?: number
  readonly bytesMin?: number
  readonly bytesMax?: number
}

/** A request whose answer has not come. */
export interface Waiting {
  readonly resolve: (answer: Reader) => void
  readonly reject: (reason: Error) => void
}

export interface Fetched {
  readonly error: string
  readonly end: number
  readonly stable: number
  readonly start: number
  readonly aborted: readonly AbortedTransaction[]
  readonly records: Buffer
}

export function readFetched(reader: Reader): Fetched {
  reader.int32()
  const error = errorName(reader.int16())
  const [end, stable, start] = [reader.int64(), reader.int64(), reader.int64()]
  const aborted =
    reader.nullableArray(each => ({ producerId: each.int64(), firstOffset: each.int64() })) ?? []
  reader.int32()
  return { error, end, stable, start, aborted, records: reader.nullableBytes() ?? Buffer.alloc(0) }
}

/** Answers, each put together once, when all of it is here. */
export class Frames {
  private chunks: Buffer[] = []
  private bytes = 0

  /** The frames that this chunk completes, without their lengths. */
  add(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = []
    this.chunks.push(chunk)
    this.bytes += chunk.length
    while (this.bytes >= 4) {
      if ((this.chunks[0]?.length ?? 0) < 4) this.chunks = [Buffer.concat(this.chunks)]
      const end = 4 + (this.chunks[0]?.readInt32BE(0) ?? 0)
      if (this.bytes < end) break
      const whole = Buffer.concat(this.chunks)
      this.chunks = [whole.subarray(end)]
      this.bytes -= end
      frames.push(whole.subarray(4, end))
    }
    return frames
  }
}

/** A batch of these values, with keys where `key=value` is given. */
export function batchOf(
  values: readonly (string | OutgoingRecord)[],
  options: Partial<Producer> & { sequence?: number; transactional?: boolean } = {},
): Buffer {
  const records = values.map(each => (typeof each === 'string' ? { key: null, value: each } : each))
  const { producerId = -1, epoch = -1, sequence = -1, transactional = false } = options
  return encodeRecordBatch(records, {
    now: Date.now(),
    producerId,
    producerEpoch: epoch,
    baseSequence: sequence,
    transactional,
  })
}

export function unique(what: string): string {
  return `${what}-${randomUUID().slice(0, 8)}`
}

export const pause = (ms = 20) => new Promise<void>(resolve => setTimeout(resolve, ms))

/** Kafka answers these while it loads or still ends the transaction before. */
export function isTransient(error: string): boolean {
  return (
    error === 'CONCURRENT_TRANSACTIONS' ||
    error === 'COORDINATOR_LOAD_IN_PROGRESS' ||
    error === 'NOT_COORDINATOR' ||
    error === 'COORDINATOR_NOT_AVAILABLE'
  )
}
