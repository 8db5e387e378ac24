import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { topicRecords } from '../../cli/topic-records.ts'
import { openSink, type SinkOptions } from '../../collect/producing-sink.ts'
import type { Sink } from '../../collect/sink.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { noTelemetry, type Telemetry } from '../../runtime/telemetry.ts'

export interface Logged {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
}

/** Where a test's logger keeps what it is told. */
export function keepingLogger(): {
  logged: Logged[]
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
} {
  const logged: Logged[] = []
  const at = (level: Logged['level']) => (fields: object, message: string) =>
    void logged.push({ level, message: `${message} ${JSON.stringify(fields)}` })
  return { logged, info: at('info'), warn: at('warn'), error: at('error') }
}

/** Counts what a sink adds to its counters, and reads its gauges. */
export function countingTelemetry(): Telemetry & {
  readonly counts: Map<string, number>
  readonly gauges: Map<string, () => number>
} {
  const counts = new Map<string, number>()
  const gauges = new Map<string, () => number>()
  return {
    ...noTelemetry,
    ...{ counts, gauges },
    gauge: (name, read) => {
      gauges.set(name, () => read()[0]?.value ?? Number.NaN)
      return () => gauges.delete(name)
    },
    add: (name: string, amount: number, ..._labels: unknown[]) =>
      void counts.set(name, (counts.get(name) ?? 0) + amount),
  }
}

export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-sink-'))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export function openTestSink(
  log: SinkOptions['log'],
  topic: string,
  folder: string,
  options: Partial<SinkOptions> = {},
): Promise<Sink> {
  return openSink({
    log,
    topics: [{ topic, partitions: 4, replication: 1, config: {} }],
    folder,
    spoolBytesMax: 64 * 2 ** 20,
    clock: systemClock,
    logger: keepingLogger(),
    telemetry: noTelemetry,
    ...options,
  })
}

export interface SinkTopicRecord {
  readonly partition: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string])[]
}

/** All records of a topic, partition by partition, each in order. */
export async function recordsOf(log: Log, topic: string): Promise<SinkTopicRecord[]> {
  const records: SinkTopicRecord[] = []
  for await (const { partition, key, value, headers } of topicRecords(log, topic))
    records.push({
      ...{ partition, key, value: value?.toString() ?? null },
      headers: headers().map(([name, bytes]) => [name, bytes.toString()]),
    })
  return records
}
