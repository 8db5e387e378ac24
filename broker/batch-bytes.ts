import {
  attribute,
  batchChecksum,
  batchField,
  LOG_OVERHEAD_BYTES,
} from '../protocol/batch-header.ts'
import { encodeRecordBatch, readBatchHeader, writeInt64 } from '../protocol/record-batch.ts'

/** Gives the batch its timestamp type, and the broker's time if it is `append`. */
export function stamp(batch: Buffer, appendTime: number | undefined): void {
  const attributes = batch.readInt16BE(batchField.attributes)
  if (appendTime === undefined) {
    if ((attributes & attribute.appendTime) === 0) return
    batch.writeInt16BE(attributes & ~attribute.appendTime, batchField.attributes)
  } else {
    batch.writeInt16BE(attributes | attribute.appendTime, batchField.attributes)
    writeInt64(batch, appendTime, batchField.maxTimestamp)
  }
  batch.writeUInt32BE(batchChecksum(batch, 0, batch.length), batchField.crc)
}

/** The control batch that ends a transaction: https://kafka.apache.org/documentation/#controlbatch */
export function encodeMarker(
  producerId: number,
  producerEpoch: number,
  type: 'commit' | 'abort',
  now: number,
): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'commit' ? 1 : 0])
  const value = Buffer.alloc(6) // version 0, coordinator epoch 0
  const batch = encodeRecordBatch([{ key, value }], {
    now,
    producerId,
    producerEpoch,
    transactional: true,
  })
  batch.writeInt16BE(attribute.transactional | attribute.control, batchField.attributes)
  batch.writeUInt32BE(batchChecksum(batch, 0, batch.length), batchField.crc)
  return batch
}

/** How much of it is whole batches. */
export function wholeBytes(records: Buffer): number {
  let at = 0
  while (at + LOG_OVERHEAD_BYTES <= records.length) {
    const end = at + LOG_OVERHEAD_BYTES + records.readInt32BE(at + batchField.length)
    if (end > records.length) break
    at = end
  }
  return at
}

/** The offset after the last of these batches; 0 when there are none. */
export function nextOffsetOf(records: Buffer): number {
  let next = 0
  let header = readBatchHeader(records, 0)
  while (header !== undefined) {
    next = header.lastOffset + 1
    header = readBatchHeader(records, header.position + header.byteLength)
  }
  return next
}
