import type { Log } from '../runtime/log.ts'
import { committedRecords } from './committed-records.ts'

/**
 * How many records of a file each partition has. The door for events writes to the topic, too: maps in msgpack, of
 * which the first byte is above that of any text. What retention has taken is counted as the file's.
 */
export async function fedBefore(log: Log, topic: string, signal: AbortSignal): Promise<number[]> {
  const ranges = await log.topics.ranges(topic)
  const counts = ranges.map(({ start }) => Number(start))
  const whole = ranges.map(({ start, end }, partition) => ({ partition, from: start, to: end }))
  for await (const { partition, record } of committedRecords(log, topic, whole, { signal })) {
    const first = record.value()?.[0]
    if (first === undefined || first < 0x80) counts[partition] = (counts[partition] ?? 0) + 1
  }
  return counts
}
