import { attribute, BATCH_HEADER_BYTES, batchField, LOG_OVERHEAD_BYTES } from './batch-header.ts'
import { crc32c } from './crc32c.ts'

/** A record on its way out. Strings are written as UTF-8. */
export interface OutgoingRecord {
  readonly key: Uint8Array | string | null
  readonly value: Uint8Array | string | null
  readonly headers?: readonly (readonly [name: string, value: Uint8Array | string])[]
  /** Epoch ms; the time of encoding when left out. Never a past time: retention goes by it. */
  readonly timestamp?: number
}

export interface EncodeOptions {
  /** Timestamp of the records that have none, epoch ms. */
  readonly now: number
  readonly transactional?: boolean
  /** −1 (none) when left out, as are the epoch and the sequence. */
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
}

/** The most that a record has beside its key, value and headers: length, attributes, deltas, three lengths. */
export const RECORD_OVERHEAD_BYTES = 5 + 1 + 9 + 5 + 5 + 5 + 5
/** Up to this length a string is written faster by a loop than by the call into C++ that Buffer.write is. */
const shortLength = 32

/**
 * Records packed into one batch of format v2 as they come, so that no object of theirs lives on: thousands
 * that wait for their commit would be copied by each collection of the young generation meanwhile.
 *
 * Hot path: everything goes into one buffer that grows by doubling. No object is made per record.
 */
export class RecordPack {
  /** Records in it. */
  length = 0
  private buffer: Buffer
  private position = BATCH_HEADER_BYTES
  private newestDelta = 0

  /** `bytesGuess`: of all records that will come. */
  constructor(bytesGuess = 1_024) {
    this.buffer = Buffer.allocUnsafe(BATCH_HEADER_BYTES + bytesGuess)
  }

  /** Of the batch as it is now. */
  get byteLength(): number {
    return this.position
  }

  /** `timestampDelta`: the record's time less the time that the batch is sealed with, ms. */
  add({ key, value, headers }: Omit<OutgoingRecord, 'timestamp'>, timestampDelta = 0): void {
    const keyBytes = key === null ? -1 : byteLength(key)
    const valueBytes = value === null ? -1 : byteLength(value)
    let body =
      1 +
      varintBytes(timestampDelta) +
      varintBytes(this.length) +
      varintBytes(keyBytes) +
      Math.max(keyBytes, 0) +
      varintBytes(valueBytes) +
      Math.max(valueBytes, 0)
    if (headers === undefined) body += 1
    else {
      body += varintBytes(headers.length)
      for (const header of headers) body += sizedBytes(header[0]) + sizedBytes(header[1])
    }
    this.ensure(body + 10)
    this.varint(body)
    this.buffer[this.position++] = 0
    this.varint(timestampDelta)
    this.varint(this.length++)
    this.sized(key, keyBytes)
    this.sized(value, valueBytes)
    this.varint(headers?.length ?? 0)
    if (headers !== undefined)
      for (const header of headers) {
        this.sized(header[0], byteLength(header[0]))
        this.sized(header[1], byteLength(header[1]))
      }
    if (timestampDelta > this.newestDelta) this.newestDelta = timestampDelta
  }

  /**
   * Packs a record that was written elsewhere. `from` begins with its value, of `valueBytes` (−1: it is null); after
   * that, up to `end`, are its headers as a record has them: their number, then of each, with its length before it,
   * the name and the value. Where nothing follows, it has none. Answers where the value lies in the batch: those
   * bytes stay as they are.
   */
  addWritten(
    key: string,
    from: Uint8Array,
    valueBytes: number,
    end: number,
  ): Uint8Array<ArrayBufferLike> | null {
    const hasHeaders = end > valueBytes && end > 0
    const keyBytes = byteLength(key)
    const fixed = varintBytes(keyBytes) + keyBytes + varintBytes(valueBytes)
    const body = 2 + varintBytes(this.length) + fixed + end + (hasHeaders ? 0 : 1)
    this.ensure(body + 10)
    this.varint(body)
    this.buffer[this.position++] = 0
    this.buffer[this.position++] = 0
    this.varint(this.length++)
    this.sized(key, keyBytes)
    this.varint(valueBytes)
    const start = this.position
    this.buffer.set(from.subarray(0, end), start)
    this.position += end
    if (!hasHeaders) this.buffer[this.position++] = 0
    if (valueBytes < 0) return null
    return new Uint8Array(this.buffer.buffer, this.buffer.byteOffset + start, valueBytes)
  }

  /** Of the buffer, which `clear` leaves as it is. */
  get capacity(): number {
    return this.buffer.length
  }

  /** Empties it, for other records: what `seal` gave must not be in use any more. */
  clear(): void {
    this.length = 0
    this.position = BATCH_HEADER_BYTES
    this.newestDelta = 0
  }

  /** The whole batch, uncompressed, offsets from 0: a broker gives it its own. A view; nothing is added afterwards. */
  seal(options: EncodeOptions): Buffer {
    return this.sealed(this.buffer.subarray(0, this.position), options)
  }

  /** The same as bytes of their own, for a second way while the first may still be on its way. */
  sealedCopy(options: EncodeOptions): Buffer {
    return this.sealed(Buffer.from(this.buffer.subarray(0, this.position)), options)
  }

  private sealed(batch: Buffer, options: EncodeOptions): Buffer {
    batch.fill(0, 0, BATCH_HEADER_BYTES)
    batch.writeInt32BE(batch.length - LOG_OVERHEAD_BYTES, batchField.length)
    batch[batchField.magic] = 2
    batch.writeInt16BE(
      options.transactional === true ? attribute.transactional : 0,
      batchField.attributes,
    )
    batch.writeInt32BE(this.length - 1, batchField.lastOffsetDelta)
    writeInt64(batch, options.now, batchField.baseTimestamp)
    writeInt64(batch, options.now + this.newestDelta, batchField.maxTimestamp)
    writeInt64(batch, options.producerId ?? -1, batchField.producerId)
    batch.writeInt16BE(options.producerEpoch ?? -1, batchField.producerEpoch)
    batch.writeInt32BE(options.baseSequence ?? -1, batchField.baseSequence)
    batch.writeInt32BE(this.length, batchField.recordCount)
    batch.writeUInt32BE(crc32c(batch.subarray(batchField.attributes)), batchField.crc)
    return batch
  }

  private ensure(bytes: number): void {
    const end = this.position + bytes
    if (end <= this.buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(end, this.buffer.length * 2))
    this.buffer.copy(grown, 0, 0, this.position)
    this.buffer = grown
  }

  private sized(value: Uint8Array | string | null, bytes: number): void {
    this.varint(bytes)
    if (value === null) return
    const { buffer, position } = this
    if (typeof value !== 'string') buffer.set(value, position)
    else if (bytes === value.length && bytes <= shortLength) {
      for (let at = 0; at < bytes; at++) buffer[position + at] = value.charCodeAt(at)
    } else buffer.write(value, position, bytes, 'utf8')
    this.position = position + bytes
  }

  /** Zig-zag; numbers within ±2^52. */
  private varint(value: number): void {
    const { buffer } = this
    let rest = value < 0 ? -value * 2 - 1 : value * 2
    let at = this.position
    while (rest >= 0x8000_0000) {
      buffer[at++] = (rest & 0x7f) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    while (rest >= 0x80) {
      buffer[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buffer[at++] = rest
    this.position = at
  }
}

export function writeInt64(buffer: Buffer, value: number, position: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  buffer.writeInt32BE(high, position)
  buffer.writeUInt32BE(value - high * 0x1_0000_0000, position + 4)
}

function sizedBytes(value: Uint8Array | string): number {
  const bytes = byteLength(value)
  return varintBytes(bytes) + bytes
}

function byteLength(value: Uint8Array | string): number {
  if (typeof value !== 'string') return value.length
  if (value.length > shortLength) return Buffer.byteLength(value)
  for (let at = 0; at < value.length; at++)
    if (value.charCodeAt(at) >= 0x80) return Buffer.byteLength(value)
  return value.length
}

function varintBytes(value: number): number {
  let rest = value < 0 ? -value * 2 - 1 : value * 2
  let bytes = 1
  for (; rest >= 0x8000_0000; bytes++) rest = Math.floor(rest / 0x80)
  for (; rest >= 0x80; bytes++) rest >>>= 7
  return bytes
}
