import { type FailedEvent, unpackFailed } from '../collect/failed-event.ts'
import { rejectedTopicOf } from '../collect/topics.ts'
import { type Log, nextOffset } from '../runtime/log.ts'
import { readRange, type StoredRecord } from './read-range.ts'
import { replayGroup } from './replay-once.ts'
import { UserError } from './user-error.ts'

/** A record of `<topic>.rejected`, read. */
export interface RejectedEvent {
  readonly record: StoredRecord
  /** `undefined` where somebody else wrote the record. */
  readonly failed: FailedEvent | undefined
}

/** Rejects with a `UserError` where events of this topic were never taken here; answers the topic of rejected ones. */
export async function rejectedTopic(log: Log, topic: string): Promise<string> {
  const rejected = rejectedTopicOf(topic)
  if ((await log.topics.describe(rejected)) !== undefined) return rejected
  throw new UserError(
    'unknown_topic',
    `topic "${rejected}" does not exist: give --topic, where the events of "millrace collect" go on these brokers`,
  )
}

/**
 * The rejected events of a topic, partition by partition.
 *
 * @param all also those that were sent again
 */
export async function* readRejected(
  log: Log,
  topic: string,
  all: boolean,
  signal: AbortSignal,
): AsyncGenerator<RejectedEvent> {
  const rejected = await rejectedTopic(log, topic)
  const ranges = await log.topics.ranges(rejected)
  const partitions = ranges.map((_, partition) => partition)
  const replayed = all ? [] : await log.committed(replayGroup(rejected), rejected, partitions)
  const waiting = ranges.map(({ start, end }, partition) => {
    const from = replayed[partition]?.next ?? start
    return { partition, from: nextOffset(Math.max(from, start)), to: end }
  })
  for await (const record of readRange(log, rejected, waiting, signal)) yield rejectedEvent(record)
}

export function rejectedEvent(record: StoredRecord): RejectedEvent {
  try {
    return { record, failed: record.value === null ? undefined : unpackFailed(record.value) }
  } catch (error) {
    if (error instanceof Error) return { record, failed: undefined }
    throw error
  }
}
