import type { Log } from '../runtime/log.ts'
import { committedRecords, type ReadingOptions } from './committed-records.ts'

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

/** Every committed record of a topic, partition by partition, to the ends that they had when this was called. */
export async function* topicRecords(
  log: Log,
  topic: string,
  options: ReadingOptions = {},
): AsyncGenerator<TopicRecord> {
  const ranges = await log.topics.ranges(topic)
  const whole = ranges.map(({ start, end }, partition) => ({ partition, from: start, to: end }))
  for await (const { partition, record } of committedRecords(log, topic, whole, options)) {
    yield {
      partition,
      offset: record.offset,
      timestamp: record.timestamp,
      key: record.keyString(),
      value: record.value(),
      headers: () => record.headers(),
    }
  }
}
