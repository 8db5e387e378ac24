import type { Compression } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { ProtocolError } from './error.ts'
import { asBuffer } from './reader.ts'

/** Bytes of a record batch of format v2 before its first record: https://kafka.apache.org/documentation/#recordbatch */
export const BATCH_HEADER_BYTES = 61
/** Bytes of `baseOffset` and `length`, which `length` does not count. */
export const LOG_OVERHEAD_BYTES = 12

/** Where the fields lie, from the batch's first byte. */
export const batchField = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const

export const attribute = {
  compression: 0x07,
  appendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  /** `baseTimestamp` is when tombstones and markers of this batch may go (Kafka's cleaner, KIP-534). */
  deleteHorizon: 0x40,
} as const

export interface BatchHeader {
  /** Of the batch's first byte, in the bytes that it was read from. */
  readonly position: number
  /** Of the whole batch, header included. */
  readonly byteLength: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly recordCount: number
  readonly compression: Compression
  readonly timestampType: 'create' | 'append'
  readonly transactional: boolean
  readonly control: boolean
  /** Epoch ms; −1 for none. */
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** −1 for none, as are the epoch and the sequence. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/**
 * The header of the batch that begins at `position`, or undefined when the batch is cut off there.
 * Throws a `ProtocolError`: `unsupported` for another format than v2, `corrupt` for an impossible length.
 * Nothing else is checked: see `checkBatch`.
 */
export function readBatchHeader(bytes: Uint8Array, position: number): BatchHeader | undefined {
  const buffer = asBuffer(bytes)
  const available = buffer.length - position
  if (available <= batchField.magic) return undefined
  const magic = buffer[position + batchField.magic]
  if (magic !== 2) {
    throw new ProtocolError(
      'unsupported',
      `expected record batch format 2 at byte ${position}, found ${magic}`,
    )
  }
  const byteLength = LOG_OVERHEAD_BYTES + buffer.readInt32BE(position + batchField.length)
  if (byteLength < BATCH_HEADER_BYTES) {
    throw new ProtocolError(
      'corrupt',
      `expected a record batch of at least ${BATCH_HEADER_BYTES} bytes at byte ${position}, found ${byteLength}`,
    )
  }
  if (available < byteLength) return undefined
  return decodeHeader(buffer, position, byteLength)
}

/** As `readBatchHeader`, where the 61 bytes of a header are there for certain and the records may be missing. */
export function decodeHeader(buffer: Buffer, position: number, byteLength: number): BatchHeader {
  const attributes = buffer.readInt16BE(position + batchField.attributes)
  const baseOffset = int64(buffer, position + batchField.baseOffset)
  return {
    position,
    byteLength,
    baseOffset,
    lastOffset: baseOffset + buffer.readInt32BE(position + batchField.lastOffsetDelta),
    recordCount: buffer.readInt32BE(position + batchField.recordCount),
    // A number of the two unknown codecs is found by checkBatch and by the table of decoders.
    compression: (attributes & attribute.compression) as Compression,
    timestampType: (attributes & attribute.appendTime) === 0 ? 'create' : 'append',
    transactional: (attributes & attribute.transactional) !== 0,
    control: (attributes & attribute.control) !== 0,
    baseTimestamp: int64(buffer, position + batchField.baseTimestamp),
    maxTimestamp: int64(buffer, position + batchField.maxTimestamp),
    producerId: int64(buffer, position + batchField.producerId),
    producerEpoch: buffer.readInt16BE(position + batchField.producerEpoch),
    baseSequence: buffer.readInt32BE(position + batchField.baseSequence),
  }
}

/** Why the batch is not to be believed, for people: its checksum, its counts, its codec. Undefined when it is sound. */
export function checkBatch(bytes: Uint8Array, header: BatchHeader): string | undefined {
  const { position, byteLength, recordCount } = header
  const buffer = asBuffer(bytes)
  if (position + byteLength > buffer.length) {
    return `expected ${byteLength} bytes, found ${buffer.length - position}`
  }
  const stored = buffer.readUInt32BE(position + batchField.crc)
  const computed = batchChecksum(buffer, position, byteLength)
  if (stored !== computed) return `expected checksum ${stored}, computed ${computed}`
  if (header.compression > 4) return `unknown compression ${header.compression}`
  const span = header.lastOffset - header.baseOffset + 1
  if (recordCount < 0 || span < 1 || recordCount > span) {
    return `${recordCount} records for ${span} offsets`
  }
  return undefined
}

/** CRC-32C from the attributes to the end: offsets and leader epoch may be set by a broker without changing it. */
export function batchChecksum(buffer: Buffer, position: number, byteLength: number): number {
  return crc32c(buffer.subarray(position + batchField.attributes, position + byteLength))
}

/** What a control batch says; undefined for any other batch. */
export function controlType(
  bytes: Uint8Array,
  header: BatchHeader,
): 'abort' | 'commit' | undefined {
  if (!header.control || header.recordCount < 1) return undefined
  const buffer = asBuffer(bytes)
  // The only record: length, attributes, timestamp delta, offset delta and the key's length come before the key,
  // which is version and type, an int16 each.
  let at = endOfVarint(buffer, header.position + BATCH_HEADER_BYTES) + 1
  for (let skipped = 0; skipped < 3; skipped++) at = endOfVarint(buffer, at)
  if (at + 4 > header.position + header.byteLength) return undefined
  const type = buffer.readInt16BE(at + 2)
  return type === 0 ? 'abort' : type === 1 ? 'commit' : undefined
}

function endOfVarint(buffer: Buffer, start: number): number {
  let at = start
  while ((buffer[at] ?? 0) >= 0x80) at++
  return at + 1
}

/** Beyond 2^53 inexact, so that one absurd timestamp does not stop a reader. */
function int64(buffer: Buffer, position: number): number {
  return buffer.readInt32BE(position) * 0x1_0000_0000 + buffer.readUInt32BE(position + 4)
}
