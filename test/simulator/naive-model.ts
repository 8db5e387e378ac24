import { type Job, JobError, type Timer, type Trigger } from '../../jobs/job.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { BadRecord, decodeEvent } from '../../runtime/decode.ts'
import type { StoredRecord } from './sim-partition.ts'

/** What a job must have made of one partition. Offsets are the input's. */
export interface Expected {
  /** Key → its last row. */
  readonly rows: ReadonlyMap<string, ExpectedRow>
  /** Every row that a key ever had, by `rowId`; a commit may write any of them, or pass over it. */
  readonly everyRow: ReadonlyMap<string, ExpectedRow>
  /** By `triggerId`, each once. */
  readonly triggers: readonly string[]
  /** `<offset>` of each late record. */
  readonly late: readonly string[]
  /** `<offset> <code>` of each dead record, `<key> <timer> <time> <code>` of each dead timer. */
  readonly dead: readonly string[]
  readonly watermark: number | undefined
  /** `<key> <event time>` of each event absorbed. */
  readonly absorbed: readonly string[]
}

export interface ExpectedRow {
  readonly version: readonly [offset: number, revision: number]
  readonly asOf: number
  readonly features: Readonly<Record<string, unknown>>
  readonly segments: readonly string[]
}

export const rowId = (key: string, [offset, revision]: readonly [number, number]): string =>
  `${key}@${offset}.${revision}`
export const triggerId = (name: string, key: string, time: number, reason: string): string =>
  `${name} ${key} ${time} ${reason}`

/** A record that a task has taken, and under which definition and era it did so. */
export interface Take<State> {
  readonly record: StoredRecord
  readonly job: Job<State>
  readonly era: number
}

interface NaiveKey<State> {
  state: State
  /** The definition that last changed it: a state is read by a new one only when it is needed. */
  job: Job<State>
  row: ExpectedRow | undefined
  /** Of the ids absorbed, the newest last. */
  ids: { id: string; timestamp: number }[]
  offset: number
  revision: number
  asOf: number
  /** Event time of the newest event absorbed. */
  newest: number
}

/** A version's offset is the input's, raised by this for each era. */
const ERA_SIZE = 2 ** 44
/** Names one record, also where the input was made anew and offsets came again. */
export const recordId = (offset: number, time: number): string => `${offset}@${time}`

/**
 * The job, done in the plainest way: one record after the other, all states in one map, no commits, no
 * crashes. `skipped`: records (`recordId`) that were dead-lettered unprocessed after several deaths; whether
 * that was right is not for the model to say.
 */
export function naiveModel<State>(
  input: { readonly partition: number; readonly partitions: number },
  takes: readonly Take<State>[],
  skipped: ReadonlySet<string> = new Set(),
): Expected {
  const keys = new Map<string, NaiveKey<State>>()
  const everyRow = new Map<string, ExpectedRow>()
  const triggers: string[] = []
  const late: string[] = []
  const dead: string[] = []
  const absorbed: string[] = []
  let watermark: number | undefined

  for (const each of takes) {
    const { record, job } = each
    if (skipped.has(recordId(record.offset, record.time))) continue
    try {
      take(each)
    } catch (error) {
      dead.push(`${record.offset} ${codeOf(error)}`)
      continue
    }
    while (fireFirstDue(job));
  }
  const rows = new Map<string, ExpectedRow>()
  for (const [key, { row }] of keys) if (row) rows.set(key, row)
  return { rows, everyRow, triggers, late, dead, watermark, absorbed }

  function take({ record, job, era }: Take<State>): void {
    const event = decodeEvent(record.value, record.time)
    const { userId: key, messageId, timestamp } = event
    if (partitionFor(Buffer.from(key), input.partitions) !== input.partition) {
      throw new BadRecord('wrong_partition', key)
    }
    if (watermark !== undefined && timestamp < watermark - job.latenessMs) {
      late.push(`${record.offset}`)
      return
    }
    const naive = keys.get(key) ?? {
      state: job.create(),
      job,
      row: undefined,
      ids: [],
      offset: -1,
      revision: 0,
      asOf: 0,
      newest: Number.NEGATIVE_INFINITY,
    }
    if (!isRepeat(naive, messageId, timestamp, job)) {
      step(key, naive, job, emit => job.absorb(naive.state, event, { key, watermark, emit }))
      keys.set(key, naive)
      if (messageId !== '')
        naive.ids = [...naive.ids, { id: messageId, timestamp }].slice(-job.dedupe.last)
      naive.offset = era * ERA_SIZE + record.offset
      naive.revision = 0
      naive.asOf = Math.max(naive.asOf, timestamp)
      naive.newest = Math.max(naive.newest, timestamp)
      keepRow(key, naive)
      absorbed.push(`${key} ${timestamp}`)
    }
    watermark = Math.max(watermark ?? -Infinity, timestamp - job.outOfOrdernessMs)
  }

  function isRepeat(
    naive: NaiveKey<State>,
    messageId: string,
    timestamp: number,
    { dedupe }: Job<State>,
  ): boolean {
    const earliest = Math.max(naive.newest, timestamp) - dedupe.withinMs
    return naive.ids.some(({ id, timestamp: seen }) => id === messageId && seen >= earliest)
  }

  /** Fires the first of all timers that are due, by time, key, name. */
  function fireFirstDue(job: Job<State>): boolean {
    let first: { key: string; naive: NaiveKey<State>; timer: Timer } | undefined
    for (const [key, naive] of keys) {
      const timer = naive.job.nextTimer(naive.state)
      if (!timer || watermark === undefined || timer.time > watermark) continue
      if (!first || isBefore({ ...timer, key }, { ...first.timer, key: first.key })) {
        first = { key, naive, timer }
      }
    }
    if (!first) return false
    const { key, naive, timer } = first
    try {
      step(key, naive, job, emit => job.fire(naive.state, timer, { key, watermark, emit }))
      naive.asOf = Math.max(naive.asOf, timer.time)
    } catch (error) {
      adopt(naive, job)
      job.cancel(naive.state, timer)
      dead.push(`${key} ${timer.name} ${timer.time} ${codeOf(error)}`)
    }
    naive.revision++
    keepRow(key, naive)
    return true
  }

  /** All or nothing: what throws has neither changed the state nor sent a trigger. */
  function step(
    key: string,
    naive: NaiveKey<State>,
    job: Job<State>,
    change: (emit: (trigger: Trigger) => void) => void,
  ): void {
    const { job: jobBefore } = naive
    const before = structuredClone(jobBefore.encode(naive.state))
    adopt(naive, job)
    const emitted: string[] = []
    try {
      change(({ name, time, reason }) => emitted.push(triggerId(name, key, time, reason)))
    } catch (error) {
      naive.state = jobBefore.decode(before)
      naive.job = jobBefore
      throw error
    }
    triggers.push(...emitted)
  }

  /** Reads the state as the definition does that is about to change it. */
  function adopt(naive: NaiveKey<State>, job: Job<State>): void {
    if (naive.job !== job) naive.state = job.decode(structuredClone(naive.job.encode(naive.state)))
    naive.job = job
  }

  function keepRow(key: string, naive: NaiveKey<State>): void {
    const { state, job, offset, revision, asOf } = naive
    const { features, segments } = job.row(state)
    naive.row = { version: [offset, revision], asOf, features, segments }
    everyRow.set(rowId(key, [offset, revision]), naive.row)
  }
}

type KeyedTimer = Timer & { readonly key: string }

function isBefore(left: KeyedTimer, right: KeyedTimer): boolean {
  if (left.time !== right.time) return left.time < right.time
  const keys = Buffer.compare(Buffer.from(left.key), Buffer.from(right.key))
  return keys !== 0 ? keys < 0 : left.name < right.name
}

function codeOf(error: unknown): string {
  if (error instanceof BadRecord || error instanceof JobError) return error.code
  throw error
}
