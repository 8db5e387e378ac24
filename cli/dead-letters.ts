import { decodeEvent } from '../runtime/decode.ts'
import type { Log, NextOffset } from '../runtime/log.ts'
import { outputTopics } from '../runtime/outputs.ts'
import { rekeyedHeader } from '../runtime/rekeyed.ts'
import { readRange, type StoredRecord } from './read-range.ts'
import { UserError } from './user-error.ts'

/** A record of `<job>.dead`, read. */
export interface DeadLetter {
  readonly record: StoredRecord
  readonly code: string
  readonly reason: string
  /** When the record that died was appended, or the timer was due; epoch ms. */
  readonly time: number
  /** Where the record that died lies; `undefined` for a timer. */
  readonly origin:
    | { readonly topic: string; readonly partition: number; readonly offset: number }
    | undefined
  /** The timer's name; `undefined` for a record. */
  readonly timer: string | undefined
  /** Whether only the beginning of the value was kept. */
  readonly truncated: boolean
}

/** First offset and end of each partition of the job's dead letters. Rejects where the job has none here. */
export async function deadRanges(
  log: Log,
  job: string,
): Promise<{ start: NextOffset; end: NextOffset }[]> {
  const topic = outputTopics(job).dead
  if ((await log.topics.describe(topic)) === undefined) {
    throw new UserError(
      'unknown_topic',
      `topic "${topic}" does not exist: give --job, the name of a job that has run on these brokers`,
    )
  }
  return log.topics.ranges(topic)
}

/** All of the job's dead letters, partition by partition. */
export async function* readDeadLetters(
  log: Log,
  job: string,
  signal: AbortSignal,
): AsyncGenerator<DeadLetter> {
  const ranges = await deadRanges(log, job)
  const whole = ranges.map(({ start, end }, partition) => ({ partition, from: start, to: end }))
  for await (const record of readRange(log, outputTopics(job).dead, whole, signal))
    yield deadLetter(record)
}

/** Reads the headers that the runtime wrote. A header that is missing reads as empty: somebody else wrote the record. */
export function deadLetter(record: StoredRecord): DeadLetter {
  const { headers, timestamp } = record
  const time = Number(headers.get('time') ?? timestamp)
  return {
    record,
    code: headers.get('error-code') ?? 'unknown',
    reason: headers.get('reason') ?? '',
    time: Number.isFinite(time) ? time : timestamp,
    origin: originOf(headers),
    timer: headers.get('timer'),
    truncated: headers.get('truncated') === 'true',
  }
}

/** Whose letter it is, as far as can be told; '' where it cannot. */
export function keyOfLetter({ record, time }: DeadLetter): string {
  const key = record.key?.toString('utf8') ?? ''
  if (record.headers.has(rekeyedHeader)) return key
  try {
    return decodeEvent(record.value, time).key
  } catch {
    return key
  }
}

function originOf(headers: ReadonlyMap<string, string>): DeadLetter['origin'] {
  const topic = headers.get('topic')
  const partition = Number(headers.get('partition') ?? Number.NaN)
  const offset = Number(headers.get('offset') ?? Number.NaN)
  if (topic === undefined || !Number.isInteger(partition) || !Number.isInteger(offset))
    return undefined
  return { topic, partition, offset }
}
