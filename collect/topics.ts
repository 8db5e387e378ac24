import type { TopicSpec } from '../runtime/log.ts'

export const eventsTopic = 'events'
export const rejectedTopic = 'events.rejected'
export const productsTopic = 'products'

const weekMs = 7 * 24 * 3_600_000
const kept = { 'cleanup.policy': 'delete', 'retention.ms': String(weekMs) }

/** What collect writes to; append times are the broker's, so one wrong clock cannot move time. */
export function collectTopics(partitions: number, replication: number): TopicSpec[] {
  const timed = { ...kept, 'message.timestamp.type': 'LogAppendTime' }
  return [
    { topic: eventsTopic, partitions, replication, config: timed },
    { topic: rejectedTopic, partitions, replication, config: kept },
    { topic: productsTopic, partitions, replication, config: { 'cleanup.policy': 'compact' } },
  ]
}
