import { type ReplayedEvent, replay } from '../cli/replay.ts'
import type { Log } from '../runtime/log.ts'
import { type WorkloadOptions, workload } from './events.ts'

export const inputPartitions = 4

/** The topic that holds exactly these events. It is filled once, and used by all later runs. */
export async function ensureInput(log: Log, options: WorkloadOptions): Promise<string> {
  const { events, users, seed } = options
  const topic = `bench-events-${events}-${users}-${seed}`
  await log.topics.create([eventsTopic(topic)])
  const present = await recordCount(log, topic)
  if (present === events) return topic
  if (present > 0) {
    throw new Error(
      `topic ${topic} has ${present} of ${events} events, left by a run that was broken off: delete it`,
    )
  }
  const producer = log.producer()
  try {
    await replay(toSend(options), { producer, topic, partitions: inputPartitions })
  } finally {
    await producer.close()
  }
  return topic
}

/** An input of the benchmark: never expired, whatever the time of its events. */
export function eventsTopic(topic: string) {
  const config = {
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
    'message.timestamp.type': 'LogAppendTime',
  }
  return { topic, partitions: inputPartitions, replication: 1, config }
}

function* toSend(options: WorkloadOptions): Generator<ReplayedEvent> {
  for (const event of workload(options)) yield { key: event.userId, value: JSON.stringify(event) }
}

async function recordCount(log: Log, topic: string): Promise<number> {
  const ranges = await log.topics.ranges(topic)
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0)
}
