import {
  attribute,
  BATCH_HEADER_BYTES,
  batchChecksum,
  batchField,
  LOG_OVERHEAD_BYTES,
} from '../protocol/batch-header.ts'
import { type BatchHeader, RecordReader, writeInt64 } from '../protocol/record-batch.ts'
import { Writer } from '../protocol/writer.ts'

/** When what is deleted in this batch may go, epoch ms; undefined while no compaction has seen it. */
export function deleteHorizon(batch: Buffer, header: BatchHeader): number | undefined {
  const attributes = batch.readInt16BE(batchField.attributes)
  return (attributes & attribute.deleteHorizon) === 0 ? undefined : header.baseTimestamp
}

/**
 * The batch with the records that `keep` wants, at their offsets; undefined when it wants none. With a `horizon`
 * that takes the place of the base timestamp, as in Kafka; the records' own timestamps do not change. What was
 * compressed is written uncompressed.
 */
export function cleanBatch(
  batch: Buffer,
  header: BatchHeader,
  keep: (record: RecordReader) => boolean,
  horizon: number | undefined,
): Buffer | undefined {
  const baseTimestamp = horizon ?? header.baseTimestamp
  const records = new Writer(batch.length)
  const reader = new RecordReader(batch)
  let count = 0
  let maxTimestamp = -1
  while (reader.next()) {
    if (!keep(reader)) continue
    count++
    maxTimestamp = Math.max(maxTimestamp, reader.timestamp)
    const prefix = new Writer(24)
      .int8(0)
      .varint(header.timestampType === 'append' ? 0 : reader.timestamp - baseTimestamp)
      .varint(reader.offset - header.baseOffset)
      .finish()
    const tail = reader.tail()
    records
      .varint(prefix.length + tail.length)
      .raw(prefix)
      .raw(tail)
  }
  if (count === 0) return undefined
  const body = records.finish()
  const cleaned = Buffer.concat([batch.subarray(0, BATCH_HEADER_BYTES), body])
  writeInt64(cleaned, maxTimestamp, batchField.maxTimestamp)
  cleaned.writeInt32BE(count, batchField.recordCount)
  return seal(cleaned, header, horizon)
}

/** A marker with a horizon: its only record has no use for its timestamp. */
export function markHorizon(marker: Buffer, header: BatchHeader, horizon: number): Buffer {
  return seal(Buffer.from(marker), header, horizon)
}

function seal(batch: Buffer, header: BatchHeader, horizon: number | undefined): Buffer {
  const attributes = batch.readInt16BE(batchField.attributes) & ~attribute.compression
  batch.writeInt16BE(
    horizon === undefined ? attributes : attributes | attribute.deleteHorizon,
    batchField.attributes,
  )
  writeInt64(batch, horizon ?? header.baseTimestamp, batchField.baseTimestamp)
  batch.writeInt32BE(batch.length - LOG_OVERHEAD_BYTES, batchField.length)
  batch.writeUInt32BE(batchChecksum(batch, 0, batch.length), batchField.crc)
  return batch
}
