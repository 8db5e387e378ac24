import { partitionFor } from '../protocol/murmur2.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import { RecordReader } from '../protocol/record-batch.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log, Producer } from '../runtime/log.ts'
import { type WorkloadEvent, workload } from './events.ts'
import { inputPartitions } from './input.ts'

export interface ProbeOptions {
  readonly log: Log
  readonly clock: Clock
  readonly input: string
  readonly output: string
  readonly eventsPerSecond: number
  /** Sent before anything counts. */
  readonly warmupEvents: number
  readonly events: number
}

/** An event that no row has covered yet. */
interface Pending {
  /** Its event time and its `sentAt`, epoch ms. */
  readonly time: number
  /** When it was sent, by the clock that never goes back. */
  readonly sentAt: number
  readonly counts: boolean
}

const TICK_MS = 2
const DRAIN_MS_MAX = 10_000

/**
 * Sends events at an even rate and reads the rows, both read-committed and from this one process. An event's
 * latency, ms, ends when the first row of its user arrives whose `sentAt` is at or after the event's.
 * Rejects when an event is never covered.
 */
export async function probeLatency(options: ProbeOptions): Promise<number[]> {
  const { log, clock, output, input, events, warmupEvents } = options
  const pending = new Map<string, Pending[]>()
  const latencies: number[] = []
  const ended = new AbortController()
  const rows = readRows(log, output, ended.signal, (user, sentAt) => {
    const now = clock.elapsed()
    const open = pending.get(user) ?? []
    for (const event of open) {
      if (event.time <= sentAt && event.counts) latencies.push(now - event.sentAt)
    }
    pending.set(
      user,
      open.filter(event => event.time > sentAt),
    )
  })
  const producer = log.producer()
  const sending = sendEvenly(producer, input, options, (user, event) => {
    pending.set(user, [...(pending.get(user) ?? []), event])
  })
  const drained = async () => {
    await sending
    const deadline = clock.elapsed() + DRAIN_MS_MAX
    while (latencies.length < events && clock.elapsed() < deadline) await clock.sleep(20)
  }
  try {
    await Promise.race([drained(), rows])
  } finally {
    ended.abort()
    await producer.close()
  }
  await rows
  if (latencies.length === events) return latencies
  const missing = events - latencies.length
  throw new Error(
    `${missing} of ${events} events (after ${warmupEvents}) were covered by no row of ${output}`,
  )
}

/** What is due goes out together, every two milliseconds, as a producer without linger does under load. */
async function sendEvenly(
  producer: Producer,
  topic: string,
  { clock, events, warmupEvents, eventsPerSecond }: ProbeOptions,
  onSend: (user: string, event: Pending) => void,
): Promise<void> {
  const drawn = workload({ events: warmupEvents + events, users: 10_000, seed: 2 })
  const startedAt = clock.elapsed()
  let sent = 0
  while (sent < warmupEvents + events) {
    const due = Math.min(
      warmupEvents + events,
      Math.floor(((clock.elapsed() - startedAt) / 1000) * eventsPerSecond),
    )
    const byPartition = new Map<number, OutgoingRecord[]>()
    for (; sent < due; sent++) {
      const next = drawn.next()
      if (next.done === true) break
      const { userId } = next.value
      const time = clock.now()
      onSend(userId, { time, sentAt: clock.elapsed(), counts: sent >= warmupEvents })
      const partition = partitionFor(Buffer.from(userId), inputPartitions)
      const records = byPartition.get(partition) ?? []
      records.push({ key: userId, value: stamped(next.value, time) })
      byPartition.set(partition, records)
    }
    const appends = Array.from(byPartition, ([partition, records]) => ({
      topic,
      partition,
      records,
    }))
    if (appends.length > 0) await producer.send(appends)
    await clock.sleep(TICK_MS)
  }
}

function stamped(event: WorkloadEvent, time: number): string {
  return JSON.stringify({ ...event, timestamp: new Date(time).toISOString(), sentAt: time })
}

/** Follows a topic from its present ends. */
async function readRows(
  log: Log,
  topic: string,
  signal: AbortSignal,
  onRow: (user: string, sentAt: number) => void,
): Promise<void> {
  const reader = log.reader({ topic, waitMsMax: 100, partitionBytesMax: 1024 * 1024 })
  try {
    for (const [partition, { end }] of (await log.topics.ranges(topic)).entries()) {
      reader.seek(partition, end)
    }
    while (!signal.aborted) {
      for (const fetched of await reader.poll()) {
        if (fetched.kind !== 'batch') throw new Error(`${topic} lost what was to be read`)
        const records = new RecordReader(fetched.records)
        while (records.next()) {
          const user = records.keyString()
          const value = records.value()
          if (user !== null && value !== null) onRow(user, sentAtOf(value))
        }
      }
    }
  } finally {
    await reader.close()
  }
}

function sentAtOf(value: Buffer): number {
  const row = JSON.parse(value.toString()) as { sentAt: number } | { features: { sentAt: number } }
  return 'features' in row ? row.features.sentAt : row.sentAt
}
