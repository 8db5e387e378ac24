import { type Log, type Offset, offset } from '../runtime/log.ts'
import { committedRecords, type PartitionRange } from './committed-records.ts'

/** A record as it lies in its topic. Its bytes are its own. */
export interface StoredRecord {
  readonly partition: number
  readonly offset: Offset
  /** Epoch ms. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: ReadonlyMap<string, string>
}

/** As `committedRecords`, for records that are kept. Ends early when the signal aborts. */
export async function* readRange(
  log: Log,
  topic: string,
  ranges: readonly PartitionRange[],
  signal: AbortSignal,
): AsyncGenerator<StoredRecord> {
  for await (const { partition, record } of committedRecords(log, topic, ranges, { signal })) {
    const key = record.key()
    const value = record.value()
    yield {
      partition,
      offset: offset(record.offset),
      timestamp: record.timestamp,
      key: key && Buffer.from(key),
      value: value && Buffer.from(value),
      headers: new Map(record.headers().map(([name, text]) => [name, text.toString('utf8')])),
    }
  }
}
