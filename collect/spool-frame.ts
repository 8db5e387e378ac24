import { BATCH_HEADER_BYTES, batchField } from '../protocol/batch-header.ts'
import { crc32c } from '../protocol/crc32c.ts'

/** Records of one topic, as they lie in the spool. Their partitions are chosen when they leave it. */
export interface SpoolFrame {
  readonly topic: string
  /** When it was spooled, epoch ms. */
  readonly at: number
  /** One record batch of format v2. */
  readonly batch: Buffer
}

export interface PlacedFrame extends SpoolFrame {
  /** The byte after it, counted as the bytes that it was read from are. */
  readonly end: number
  /** How many there are in its batch. */
  readonly records: number
}

/** Length of the payload and its CRC-32C, both unsigned 32 bits. */
const HEAD_BYTES = 8
/** Time (double), length of the topic's name (unsigned 16 bits). */
const FIXED_BYTES = 10
const PAYLOAD_BYTES_MIN = FIXED_BYTES + 1 + BATCH_HEADER_BYTES

/** To be written one after the other: the head and what comes before the batch, and the batch as it was given. */
export function encodeFrame({ topic, at, batch }: SpoolFrame): Buffer[] {
  const name = Buffer.from(topic)
  const start = Buffer.allocUnsafe(HEAD_BYTES + FIXED_BYTES + name.length)
  start.writeUInt32BE(FIXED_BYTES + name.length + batch.length, 0)
  start.writeDoubleBE(at, HEAD_BYTES)
  start.writeUInt16BE(name.length, HEAD_BYTES + 8)
  start.set(name, HEAD_BYTES + FIXED_BYTES)
  start.writeUInt32BE(crc32c(batch, crc32c(start.subarray(HEAD_BYTES))), 4)
  return [start, batch]
}

/** How many there are in a batch. */
export function recordsOf(batch: Buffer): number {
  return batch.readInt32BE(batchField.recordCount)
}

/**
 * The frame that begins at `at`, a view into the bytes. `cut`: it may go on after them, being `byteLength` long
 * in all. `bad`: this is no frame, or not as it was written.
 */
export function decodeFrame(
  bytes: Buffer,
  at: number,
): PlacedFrame | { readonly cut: number } | 'bad' {
  if (at + HEAD_BYTES > bytes.length) return { cut: HEAD_BYTES }
  const payloadBytes = bytes.readUInt32BE(at)
  if (payloadBytes < PAYLOAD_BYTES_MIN) return 'bad' // zeros, too, would else fit their checksum
  const start = at + HEAD_BYTES
  const end = start + payloadBytes
  if (end > bytes.length) return { cut: HEAD_BYTES + payloadBytes }
  const payload = bytes.subarray(start, end)
  if (crc32c(payload) !== bytes.readUInt32BE(at + 4)) return 'bad'
  const nameEnd = FIXED_BYTES + payload.readUInt16BE(8)
  const batch = payload.subarray(nameEnd)
  return {
    topic: payload.toString('utf8', FIXED_BYTES, nameEnd),
    at: payload.readDoubleBE(0),
    batch,
    end,
    records: recordsOf(batch),
  }
}
