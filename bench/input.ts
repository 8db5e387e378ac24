import { Packr } from 'msgpackr'
import { type ReplayedRecord, replay } from '../cli/replay.ts'
import type { Log } from '../runtime/log.ts'
import { type WorkloadEvent, type WorkloadOptions, workload } from './events.ts'

export const inputPartitions = 4

/** How an event's value is written: as the peers read it, or as `millrace collect` writes it. */
export type Format = 'json' | 'msgpack'

export function formatFlag(text: string): Format {
  if (text === 'json' || text === 'msgpack') return text
  throw new Error(`--format is json or msgpack, not ${text}`)
}

/** Plain maps, as `millrace collect` writes them. */
const packr = new Packr({ useRecords: false })

export function encodeEvent(event: WorkloadEvent, format: Format): string | Buffer {
  return format === 'json' ? JSON.stringify(event) : packr.pack(event)
}

/**
 * The topic that holds exactly these events. It is filled once, and used by all later runs; `told` hears how many
 * were sent.
 */
export async function ensureInput(
  log: Log,
  options: WorkloadOptions,
  format: Format = 'json',
  told: (sent: number) => void = () => undefined,
): Promise<string> {
  const { events, users, seed, shape = 'shop' } = options
  const kinds = [...(shape === 'shop' ? [] : [shape]), ...(format === 'json' ? [] : [format])]
  const topic = ['bench-events', events, users, seed, ...kinds].join('-')
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
    const onProgress = told
    await replay(toSend(options, format), {
      ...{ producer, topic, partitions: inputPartitions, onProgress },
    })
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

function* toSend(options: WorkloadOptions, format: Format): Generator<ReplayedRecord> {
  for (const event of workload(options))
    yield { key: event.userId, value: encodeEvent(event, format) }
}

async function recordCount(log: Log, topic: string): Promise<number> {
  const ranges = await log.topics.ranges(topic)
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0)
}
