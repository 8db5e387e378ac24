import {
  type EncodeOptions,
  type OutgoingRecord,
  RECORD_OVERHEAD_BYTES,
  RecordPack,
} from './record-pack.ts'

export { type BatchHeader, checkBatch, controlType, readBatchHeader } from './batch-header.ts'
export {
  type EncodeOptions,
  type OutgoingRecord,
  RECORD_OVERHEAD_BYTES,
  RecordPack,
  writeInt64,
} from './record-pack.ts'
export { RecordReader } from './record-reader.ts'

/** One batch of format v2 with all records, uncompressed, offsets from 0: a broker gives it its own. */
export function encodeRecordBatch(
  records: readonly OutgoingRecord[] | RecordPack,
  options: EncodeOptions,
): Buffer {
  if (records instanceof RecordPack) return records.seal(options)
  const now = records[0]?.timestamp ?? options.now
  const pack = new RecordPack(records.length * guessBytes(records[0]))
  for (const record of records) pack.add(record, (record.timestamp ?? options.now) - now)
  return pack.seal({ ...options, now })
}

/** The most that a record is likely to take. */
export function guessBytes(record: OutgoingRecord | undefined): number {
  if (record === undefined) return 0
  let bytes = RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const [name, value] of record.headers ?? []) bytes += 4 + name.length + value.length
  return Math.ceil(bytes * 1.1)
}
