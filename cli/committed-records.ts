import { RecordReader } from '../protocol/record-batch.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { type Log, LogError, type NextOffset } from '../runtime/log.ts'

export interface PartitionRange {
  readonly partition: number
  readonly from: NextOffset
  /** Reading ends before it. Where a transaction is open below it, its end is waited for. */
  readonly to: NextOffset
}

export interface ReadingOptions {
  /** Ends the reading early, without an error. */
  readonly signal?: AbortSignal
  /** How long a range may bring nothing before its end, ms; an open transaction holds its readers up. */
  readonly patienceMs?: number
  readonly clock?: Clock
}

/** Where a reader stands: at a record of the partition, until the next one is asked for. */
export interface CommittedRecord {
  readonly partition: number
  readonly record: RecordReader
}

const PATIENCE_MS = 60_000
const POLL_MS = 200
const FETCH_BYTES_MAX = 4 * 1024 * 1024

/**
 * The committed records of parts of a topic, one range after the other. What retention has taken meanwhile is
 * passed over. Rejects with a `LogError` where the topic does not exist, and where the end of a range is not
 * reached.
 */
export async function* committedRecords(
  log: Log,
  topic: string,
  ranges: readonly PartitionRange[],
  { signal, patienceMs = PATIENCE_MS, clock = systemClock }: ReadingOptions = {},
): AsyncGenerator<CommittedRecord> {
  const reader = log.reader({ topic, waitMsMax: POLL_MS, partitionBytesMax: FETCH_BYTES_MAX })
  try {
    for (const range of ranges) {
      const { partition, from, to } = range
      if (from >= to) continue
      reader.seek(partition, from)
      let progressAt = clock.elapsed()
      for (let next = from; next < to && !signal?.aborted; ) {
        const before = next
        for (const fetched of await reader.poll()) {
          if (fetched.partition !== partition) continue
          if (fetched.kind === 'out-of-range') {
            // Its start has moved past us, or it was made anew and ends before.
            next = fetched.start > next ? fetched.start : to
            reader.seek(partition, next)
            continue
          }
          next = fetched.next
          yield* within(range, fetched.records, fetched.fetched)
        }
        // What the caller did with the records took time too.
        if (next > before) progressAt = clock.elapsed()
        else if (clock.elapsed() - progressAt > patienceMs) throw stuck(topic, range, patienceMs)
      }
      reader.drop(partition)
    }
  } finally {
    await reader.close()
  }
}

/** The first batch may begin before the position, and the last go on beyond the end. */
function* within(
  { partition, to }: PartitionRange,
  bytes: Uint8Array,
  from: number,
): Generator<CommittedRecord> {
  const record = new RecordReader(bytes)
  while (record.next()) {
    if (record.offset >= from && record.offset < to) yield { partition, record }
  }
}

function stuck(topic: string, { partition, to }: PartitionRange, patienceMs: number): LogError {
  return new LogError(
    'unreachable',
    `reading ${topic} brought nothing for ${patienceMs} ms before the end of partition ${partition} ` +
      `(to ${to}): is a transaction open there, or the broker away?`,
  )
}
