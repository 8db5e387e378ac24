import { RecordReader } from '../protocol/record-batch.ts'
import { type Log, type NextOffset, type Offset, offset } from '../runtime/log.ts'

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

export interface PartitionRange {
  readonly partition: number
  readonly from: NextOffset
  /** Reading ends before it. Where a transaction is open below it, its end is waited for. */
  readonly to: NextOffset
}

/**
 * The committed records of parts of a topic, one partition after the other. What retention has taken
 * meanwhile is passed over. Ends early when the signal aborts.
 */
export async function* readRange(
  log: Log,
  topic: string,
  ranges: readonly PartitionRange[],
  signal: AbortSignal,
): AsyncGenerator<StoredRecord> {
  const reader = log.reader({ topic, waitMsMax: 200, partitionBytesMax: 1 << 20 })
  try {
    for (const { partition, from, to } of ranges) {
      if (from >= to) continue
      reader.seek(partition, from)
      for (let next = from; next < to && !signal.aborted; ) {
        for (const fetched of await reader.poll()) {
          if (fetched.partition !== partition) continue
          if (fetched.kind === 'out-of-range') {
            // Its start has moved past us, or it was made anew and ends before.
            next = fetched.start > next ? fetched.start : to
            reader.seek(partition, next)
            continue
          }
          next = fetched.next
          yield* records(fetched.records, partition, fetched.fetched, to)
        }
      }
      reader.drop(partition)
    }
  } finally {
    await reader.close()
  }
}

function* records(
  bytes: Uint8Array,
  partition: number,
  from: number,
  to: number,
): Generator<StoredRecord> {
  const reader = new RecordReader(bytes)
  while (reader.next()) {
    // The first batch may begin before the position, and the last go on beyond the end.
    if (reader.offset < from || reader.offset >= to) continue
    const key = reader.key()
    const value = reader.value()
    yield {
      partition,
      offset: offset(reader.offset),
      timestamp: reader.timestamp,
      key: key && Buffer.from(key),
      value: value && Buffer.from(value),
      headers: new Map(reader.headers().map(([name, text]) => [name, text.toString('utf8')])),
    }
  }
}
