import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSink, type SinkOptions } from '../../collect/producing-sink.ts'
import type { Sink } from '../../collect/sink.ts'
import { RecordReader } from '../../protocol/record-batch.ts'
import { systemClock } from '../../runtime/clock.ts'
import { type Log, nextOffset } from '../../runtime/log.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'

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

export interface TopicRecord {
  readonly partition: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string])[]
}

/** All records of a topic, partition by partition, each in order. */
export async function recordsOf(
  log: Pick<Log, 'topics' | 'reader'>,
  topic: string,
): Promise<TopicRecord[]> {
  const ranges = await log.topics.ranges(topic)
  const reader = log.reader({ topic, waitMsMax: 50, partitionBytesMax: 2 ** 20 })
  const records: TopicRecord[][] = ranges.map(() => [])
  const open = new Set<number>()
  for (const [partition, { start, end }] of ranges.entries()) {
    if (start === end) continue
    open.add(partition)
    reader.seek(partition, start)
  }
  while (open.size > 0) {
    for (const fetched of await reader.poll()) {
      if (fetched.kind === 'out-of-range')
        throw new Error(`out of range: ${JSON.stringify(fetched)}`)
      const read = new RecordReader(fetched.records)
      while (read.next())
        records[fetched.partition]?.push({
          partition: fetched.partition,
          key: read.keyString(),
          value: read.value()?.toString() ?? null,
          headers: read.headers().map(([name, value]) => [name, value.toString()]),
        })
      if (fetched.next >= (ranges[fetched.partition]?.end ?? nextOffset(0))) {
        open.delete(fetched.partition)
        reader.drop(fetched.partition)
      }
    }
  }
  await reader.close()
  return records.flat()
}
