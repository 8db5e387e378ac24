import { Packr } from 'msgpackr'
import { type Job, JobError, type Rekeyed } from '../jobs/job.ts'
import type { OutgoingRecord, RecordReader } from '../protocol/record-batch.ts'
import { BadRecord, eventBytesMax, keyFault } from './decode.ts'

/** Where a job's rekeyed events wait for their forwarder. */
export const rekeyedTopic = (job: string): string => `${job}.rekeyed`
/** The group that says how far they are forwarded; nobody joins it. */
export const forwardsGroup = (job: string): string => `${job}.forwards`

/** Where a rekeyed record lies in `<job>.rekeyed`, and in which era of the job's input it was written. */
export interface RekeyedFrom {
  readonly job: string
  readonly era: number
  readonly partition: number
  readonly offset: number
  /** A person has sent it again from the dead letters: it is not newer than others, and counts all the same. */
  readonly replayed: boolean
}

/** Headers in `<job>.rekeyed`, beside the new key and the event. */
const toHeader = 'to'
const eraHeader = 'era'
/** The one header in the target topic: `<job>/<era>/<partition>/<offset>`. */
export const rekeyedHeader = 'rekeyed'
/** What `millrace dead replay` puts on each record. */
const replayedHeader = 'dead-letter'

/** A broker takes 1 MiB a batch, of which header and key need some. */
const valueBytesMax = eventBytesMax - 16 * 1024

/** Without records: each event is read alone. */
const packr = new Packr({ useRecords: false })

/**
 * The record for `<job>.rekeyed`.
 *
 * @throws JobError: `bad_rekey` for a topic or a key that cannot be, `rekeyed_too_large`
 */
export function rekeyedRecord(
  job: Pick<Job, 'name' | 'input' | 'rekeys'>,
  era: number,
  { to = job.input, key, event }: Rekeyed,
): OutgoingRecord {
  const fail = (problem: string): never => {
    throw new JobError('bad_rekey', `job ${job.name} rekeys ${problem}`)
  }
  const topics = job.rekeys ?? []
  if (!topics.includes(to)) fail(`to ${to}, and its rekeys names ${topics.join() || 'no topic'}`)
  const fault = typeof key === 'string' ? keyFault(key) : `a ${typeof key}`
  if (fault !== undefined)
    fail(
      `an event to the key: expected a non-empty string of at most 1024 characters, got ${fault}`,
    )
  if (!Number.isFinite(event.timestamp)) fail(`an event with the timestamp ${event.timestamp}`)
  const value = packed(event, fail)
  if (value.length > valueBytesMax) {
    throw new JobError(
      'rekeyed_too_large',
      `job ${job.name} rekeys an event of ${value.length} bytes, of at most ${valueBytesMax}`,
    )
  }
  return {
    key,
    value,
    headers: [
      [toHeader, to],
      [eraHeader, String(era)],
    ],
  }
}

function packed(event: Rekeyed['event'], fail: (problem: string) => never): Uint8Array {
  try {
    return packr.pack(event)
  } catch (error) {
    return fail(`an event that is no plain data: ${(error as Error).message}`)
  }
}

/** What the forwarder makes of a record of `<job>.rekeyed`; `undefined` for one that no task wrote. */
export function forwardable(
  record: RecordReader,
  job: string,
  partition: number,
): { to: string; key: Buffer; record: OutgoingRecord } | undefined {
  const headers = new Map(record.headers())
  const to = headers.get(toHeader)?.toString()
  const era = headers.get(eraHeader)?.toString()
  const key = record.key()
  if (to === undefined || era === undefined || key === null) return undefined
  const from = `${job}/${era}/${partition}/${record.offset}`
  return { to, key, record: { key, value: record.value(), headers: [[rekeyedHeader, from]] } }
}

/** Those headers of a record of an input without which it would be another one, sent again. */
export function rekeyedHeaders(record: RecordReader): NonNullable<OutgoingRecord['headers']> {
  if (!record.hasHeaders()) return []
  return record
    .headers()
    .filter(([name]) => name === rekeyedHeader)
    .map(([name, value]) => [name, value.toString()] as const)
}

/** Says where a record of an input was rekeyed; `undefined` for one that came directly. Throws a `BadRecord`. */
export function rekeyedFrom(record: RecordReader): RekeyedFrom | undefined {
  if (!record.hasHeaders()) return undefined
  let text: string | undefined
  let replayed = false
  for (const [name, value] of record.headers()) {
    if (name === rekeyedHeader) text = value.toString()
    if (name === replayedHeader) replayed = true
  }
  if (text === undefined) return undefined
  const [, job, ...numbers] = /^([^/]+)\/(\d+)\/(\d+)\/(\d+)$/.exec(text) ?? []
  const [era = -1, partition = -1, offset = -1] = numbers.map(Number)
  if (job === undefined || !Number.isSafeInteger(offset))
    throw new BadRecord(
      'not_decodable',
      `header ${rekeyedHeader}: expected <job>/<era>/<partition>/<offset>, got ${text.slice(0, 100)}`,
    )
  return { job, era, partition, offset, replayed }
}
