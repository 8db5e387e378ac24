import { RecordReader } from '../protocol/record-batch.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { type Log, LogError } from '../runtime/log.ts'

/** One committed record of a topic. */
export interface TopicRecord {
  readonly partition: number
  readonly offset: number
  /** Epoch ms. */
  readonly timestamp: number
  readonly key: string | null
  /** A view, good until the next record; `null` is a tombstone. */
  readonly value: Buffer | null
  headers(): [name: string, value: Buffer][]
}

export interface TopicRecordsOptions {
  /** How long the topic may bring nothing before its end, ms; an open transaction holds its readers up. */
  readonly patienceMs?: number
  readonly clock?: Clock
}

const PATIENCE_MS = 60_000
const POLL_MS = 200
const FETCH_BYTES_MAX = 4 * 1024 * 1024

/**
 * Every committed record of a topic, from its first to the end that it had when this was called. Records of
 * one partition come in order. Rejects with a `LogError` where the topic does not exist, and where
 * its end is not reached.
 */
export async function* topicRecords(
  log: Log,
  topic: string,
  { patienceMs = PATIENCE_MS, clock = systemClock }: TopicRecordsOptions = {},
): AsyncGenerator<TopicRecord> {
  const ranges = await log.topics.ranges(topic)
  const unread = new Map<number, number>()
  const reader = log.reader({ topic, waitMsMax: POLL_MS, partitionBytesMax: FETCH_BYTES_MAX })
  try {
    for (const [partition, { start, end }] of ranges.entries()) {
      if (start >= end) continue
      unread.set(partition, end)
      reader.seek(partition, start)
    }
    let progressAt = clock.elapsed()
    while (unread.size > 0) {
      for (const fetched of await reader.poll()) {
        const { partition } = fetched
        if (fetched.kind === 'out-of-range') {
          reader.seek(partition, fetched.start)
          continue
        }
        if (fetched.next > fetched.fetched) progressAt = clock.elapsed()
        yield* records(partition, fetched.records)
        if (fetched.next < (unread.get(partition) ?? 0)) continue
        unread.delete(partition)
        reader.drop(partition)
      }
      if (clock.elapsed() - progressAt > patienceMs) throw stuck(topic, unread, patienceMs)
    }
  } finally {
    await reader.close()
  }
}

function* records(partition: number, bytes: Uint8Array): Generator<TopicRecord> {
  const reader = new RecordReader(bytes)
  while (reader.next()) {
    yield {
      partition,
      offset: reader.offset,
      timestamp: reader.timestamp,
      key: reader.keyString(),
      value: reader.value(),
      headers: () => reader.headers(),
    }
  }
}

function stuck(topic: string, unread: ReadonlyMap<number, number>, patienceMs: number): LogError {
  const partitions = Array.from(unread, ([partition, end]) => `${partition} (to ${end})`).join(', ')
  return new LogError(
    'unreachable',
    `reading ${topic} to its end brought nothing for ${patienceMs} ms; partitions ${partitions} are ` +
      'unfinished: is a transaction open there, or the broker away?',
  )
}
