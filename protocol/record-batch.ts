import { attribute, BATCH_HEADER_BYTES, batchField, LOG_OVERHEAD_BYTES } from './batch-header.ts'
import { crc32c } from './crc32c.ts'

export { type BatchHeader, checkBatch, controlType, readBatchHeader } from './batch-header.ts'
export { RecordReader } from './record-reader.ts'

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
const RECORD_OVERHEAD_BYTES = 5 + 1 + 9 + 5 + 5 + 5 + 5

/**
 * One batch of format v2 with all records, uncompressed, offsets from 0: a broker gives it its own.
 *
 * Hot path: everything goes into one buffer that grows by doubling from a guess made of the first record, and
 * short ASCII strings are written without leaving JavaScript. No object is made per record.
 */
export function encodeRecordBatch(
  records: readonly OutgoingRecord[],
  options: EncodeOptions,
): Buffer {
  const baseTimestamp = records[0]?.timestamp ?? options.now
  const encoder = new RecordEncoder(BATCH_HEADER_BYTES + records.length * guessBytes(records[0]))
  let maxTimestamp = baseTimestamp
  for (let index = 0; index < records.length; index++) {
    const record = records[index] as OutgoingRecord
    const timestamp = record.timestamp ?? options.now
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    encoder.write(record, timestamp - baseTimestamp, index)
  }
  const batch = encoder.finish()
  batch.fill(0, 0, BATCH_HEADER_BYTES)
  batch.writeInt32BE(batch.length - LOG_OVERHEAD_BYTES, batchField.length)
  batch[batchField.magic] = 2
  batch.writeInt16BE(
    options.transactional === true ? attribute.transactional : 0,
    batchField.attributes,
  )
  batch.writeInt32BE(records.length - 1, batchField.lastOffsetDelta)
  writeInt64(batch, baseTimestamp, batchField.baseTimestamp)
  writeInt64(batch, maxTimestamp, batchField.maxTimestamp)
  writeInt64(batch, options.producerId ?? -1, batchField.producerId)
  batch.writeInt16BE(options.producerEpoch ?? -1, batchField.producerEpoch)
  batch.writeInt32BE(options.baseSequence ?? -1, batchField.baseSequence)
  batch.writeInt32BE(records.length, batchField.recordCount)
  batch.writeUInt32BE(crc32c(batch.subarray(batchField.attributes)), batchField.crc)
  return batch
}

export function writeInt64(buffer: Buffer, value: number, position: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  buffer.writeInt32BE(high, position)
  buffer.writeUInt32BE(value - high * 0x1_0000_0000, position + 4)
}

function guessBytes(record: OutgoingRecord | undefined): number {
  if (record === undefined) return 0
  let bytes = RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const [name, value] of record.headers ?? []) bytes += 4 + name.length + value.length
  return Math.ceil(bytes * 1.1)
}

class RecordEncoder {
  private buffer: Buffer
  private position = BATCH_HEADER_BYTES

  constructor(capacity: number) {
    this.buffer = Buffer.allocUnsafe(capacity)
  }

  write(record: OutgoingRecord, timestampDelta: number, offsetDelta: number): void {
    const { key, value, headers } = record
    const keyBytes = key === null ? -1 : byteLength(key)
    const valueBytes = value === null ? -1 : byteLength(value)
    let body =
      1 +
      varintBytes(timestampDelta) +
      varintBytes(offsetDelta) +
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
    this.varint(offsetDelta)
    this.sized(key, keyBytes)
    this.sized(value, valueBytes)
    if (headers === undefined) {
      this.buffer[this.position++] = 0
      return
    }
    this.varint(headers.length)
    for (const header of headers) {
      this.sized(header[0], byteLength(header[0]))
      this.sized(header[1], byteLength(header[1]))
    }
  }

  finish(): Buffer {
    return this.buffer.subarray(0, this.position)
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
    else if (bytes === value.length && bytes <= 32) {
      // Cheaper than the call into C++ that Buffer.write is, up to about this length.
      for (let at = 0; at < bytes; at++) buffer[position + at] = value.charCodeAt(at)
    } else buffer.write(value, position, bytes, 'utf8')
    this.position = position + bytes
  }

  /** Zig-zag; numbers within ±2^52. */
  private varint(value: number): void {
    const { buffer } = this
    let rest = value < 0 ? -value * 2 - 1 : value * 2
    let at = this.position
    while (rest >= 0x80) {
      buffer[at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    buffer[at++] = rest
    this.position = at
  }
}

function sizedBytes(value: Uint8Array | string): number {
  const bytes = byteLength(value)
  return varintBytes(bytes) + bytes
}

function byteLength(value: Uint8Array | string): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length
}

function varintBytes(value: number): number {
  let rest = value < 0 ? -value * 2 - 1 : value * 2
  let bytes = 1
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80)
    bytes++
  }
  return bytes
}
