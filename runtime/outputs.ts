import type { Job, Trigger } from '../jobs/job.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import type { Entity } from './entity.ts'

/** Of a record that cannot be kept whole beside its neighbours; the input has the rest. */
export const payloadBytesMax = 64 * 1024

/** Names of a job's topics; all have the input's number of partitions. */
export const outputTopics = (job: string) => ({
  features: `${job}.features`,
  changelog: `${job}.changelog`,
  triggers: `${job}.triggers`,
  late: `${job}.late`,
  dead: `${job}.dead`,
  /** Who was erased, for as long as anybody may bring old events: see `Erasure`. */
  erased: `${job}.erased`,
  /** The group that holds the tasks' offsets; nobody joins it. */
  commits: `${job}.commits`,
})

/** Where a record came from. */
export interface Origin {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Append time, epoch ms. */
  readonly appendedAt: number
  /** Headers that it needs to be taken again. */
  readonly headers?: NonNullable<OutgoingRecord['headers']>
}

/** The row `{ key, version, asOf, features, segments }` for the features topic, or a tombstone where there is none. */
export function featureRow<State>(job: Job<State>, entity: Entity<State>): OutgoingRecord {
  const { key, eventAt, receivedAt, state } = entity
  const none = entity.dropped || job.hidden?.(state) === true
  return {
    key,
    value: none ? null : rowText(job, entity),
    headers: [
      ['event-time', String(eventAt)],
      ['received-time', String(receivedAt)],
    ],
  }
}

function rowText<State>(job: Job<State>, { key, offset, revision, asOf, state }: Entity<State>) {
  const { features, segments } = job.row(state)
  return JSON.stringify({ key, version: [offset, revision], asOf, features, segments })
}

/** A trigger with the features at that moment. Its id is the same whenever the same step is done again. */
export function triggerRecord<State>(
  job: Job<State>,
  entity: Entity<State>,
  { name, reason, time }: Trigger,
): OutgoingRecord {
  const { key, offset, revision, state } = entity
  const id = `${job.name}:${name}:${key}:${offset}.${revision}`
  const { features } = job.row(state)
  return {
    key,
    value: JSON.stringify({
      id,
      trigger: name,
      key,
      reason,
      time,
      version: [offset, revision],
      features,
    }),
  }
}

/** The record as it came, or its beginning, with the reason and its origin as headers. */
export function deadRecord(
  origin: Origin,
  { key, value }: { key: Uint8Array | null; value: Uint8Array | null },
  { code, reason }: { code: string; reason: string },
): OutgoingRecord {
  const whole = value === null || value.length <= payloadBytesMax
  return {
    key: key && Uint8Array.from(key.subarray(0, payloadBytesMax)),
    value: value && Uint8Array.from(whole ? value : value.subarray(0, payloadBytesMax)),
    headers: [
      ['error-code', code],
      ['reason', reason.slice(0, 1_000)],
      ['topic', origin.topic],
      ['partition', String(origin.partition)],
      ['offset', String(origin.offset)],
      ['time', String(origin.appendedAt)],
      ...(origin.headers ?? []),
      ...(whole ? [] : ([['truncated', 'true']] as const)),
    ],
  }
}

/** A timer that threw: it has no record, only its key, name and time. */
export function deadTimer(
  key: string,
  timer: { name: string; time: number },
  { code, reason }: { code: string; reason: string },
): OutgoingRecord {
  return {
    key,
    value: JSON.stringify({ key, timer: timer.name, time: timer.time }),
    headers: [
      ['error-code', code],
      ['reason', reason.slice(0, 1_000)],
      ['timer', timer.name],
      ['time', String(timer.time)],
    ],
  }
}
