import type { TopicSpec } from '../runtime/log.ts'

/** Where events go, if nothing else is said. */
export const eventsTopic = 'events'
export const productsTopic = 'products'

/** Where those go that were not taken: see `FailedEvent`. */
export function rejectedTopicOf(events: string): string {
  return `${events}.rejected`
}

const dayMs = 24 * 3_600_000
/** For a week, and a day more at most: a segment goes whole, and there is one for each day. */
const kept = {
  'cleanup.policy': 'delete',
  'retention.ms': String(7 * dayMs),
  'segment.ms': String(dayMs),
}
/** Who follows the catalogue may be away for a week; what a product was before has left the disk as soon. */
const compacted = {
  'cleanup.policy': 'compact',
  'delete.retention.ms': String(7 * dayMs),
  'max.compaction.lag.ms': String(7 * dayMs),
}

/** What collect writes to; append times are the broker's, so one wrong clock cannot move time. */
export function collectTopics(
  events: string,
  { partitions, replication }: Pick<TopicSpec, 'partitions' | 'replication'>,
): TopicSpec[] {
  const timed = { ...kept, 'message.timestamp.type': 'LogAppendTime' }
  return [
    { topic: events, partitions, replication, config: timed },
    { topic: rejectedTopicOf(events), partitions, replication, config: kept },
    { topic: productsTopic, partitions, replication, config: compacted },
  ]
}
