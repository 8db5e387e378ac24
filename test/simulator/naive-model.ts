import { type Job, type JobContext, JobError, type Timer } from '../../jobs/job.ts'
import { decodedAlone, encodedAlone } from '../../jobs/state-bytes.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { BadRecord, decodeEvent } from '../../runtime/decode.ts'
import { erasedHash } from '../../runtime/erased.ts'
import {
  type Expected,
  type ExpectedRow,
  erasedId,
  rekeyedId,
  rowId,
  triggerId,
} from './expected.ts'
import { codeOf } from './fault-code.ts'
import { NaiveSources } from './naive-sources.ts'
import type { StoredRecord } from './sim-partition.ts'
import { isBefore } from './timer-order.ts'

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
/** Names a timer of a key. */
export const timerId = (key: string, { name, time }: Timer): string => `${key} ${name} ${time}`
/** Names one record, also where the input was made anew and offsets came again; its time in whole ms, as outputs tell it. */
export const recordId = (offset: number, time: number): string => `${offset}@${Math.floor(time)}`

/**
 * The job, done in the plainest way: one record after the other, all states in one map, no commits, no
 * crashes. `skipped`: records and timers (by their ids) that were dead-lettered unprocessed after several deaths; whether
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
  const rekeyed: string[] = []
  const erased: string[] = []
  const sources = new NaiveSources()
  let watermark: number | undefined

  for (const each of takes) {
    const { record, job } = each
    if (!sources.arrives(record)) continue // brought before
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
  const hidden = new Set<string>()
  for (const [key, { row, state, job }] of keys)
    if (job.hidden?.(state)) hidden.add(key)
    else if (row) rows.set(key, row)
  return { rows, everyRow, triggers, late, dead, watermark, absorbed, rekeyed, erased, hidden }

  function take({ record, job, era }: Take<State>): void {
    const wasRekeyed = record.headers.rekeyed !== undefined
    const event = decodeEvent(record.value, record.time, wasRekeyed ? record.key : undefined)
    const { key, messageId, timestamp, type } = event
    if (partitionFor(Buffer.from(key), input.partitions) !== input.partition) {
      throw new BadRecord('wrong_partition', key)
    }
    const neverLate = type === 'merge' || type === 'link'
    const isLate = watermark !== undefined && timestamp < watermark - job.latenessMs && !neverLate
    if (isLate && job.takesLate?.(event) !== true) {
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
      const rekeys = wasRekeyed ? (type === 'link' ? 'answers' : 'never') : 'freely'
      const isLeft = step(key, naive, job, rekeys, context =>
        job.absorb(naive.state, event, isLate ? { ...context, late: true } : context),
      )
      if (isLeft) keys.set(key, naive)
      else {
        keys.delete(key)
        erased.push(erasedId(erasedHash(key), era, record.offset))
      }
      if (messageId !== '')
        naive.ids = [...naive.ids, { id: messageId, timestamp }].slice(-job.dedupe.last)
      naive.offset = era * ERA_SIZE + record.offset
      naive.revision = 0
      naive.asOf = Math.max(naive.asOf, timestamp)
      naive.newest = Math.max(naive.newest, timestamp)
      if (isLeft) keepRow(key, naive)
      absorbed.push(`${key} ${timestamp}`)
      if (isLate) late.push(`${record.offset}`)
    }
    sources.observe(record, timestamp - job.outOfOrdernessMs)
    watermark = sources.watermark(record, watermark)
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
    const passedOver = skipped.has(timerId(key, timer))
    try {
      if (passedOver) throw new JobError('kills_process', '')
      const fire = (context: JobContext) => job.fire(naive.state, timer, context)
      if (!step(key, naive, job, 'freely', fire)) return keys.delete(key)
      naive.asOf = Math.max(naive.asOf, timer.time)
    } catch (error) {
      adopt(naive, job)
      job.cancel(naive.state, timer)
      if (!passedOver) dead.push(`${timerId(key, timer)} ${codeOf(error)}`)
    }
    naive.revision++
    keepRow(key, naive)
    return true
  }

  /**
   * All or nothing: what throws has neither changed the state nor sent anything. Answers whether something is
   * left of the key. `rekeys`: whether what was rekeyed may be so again.
   */
  function step(
    key: string,
    naive: NaiveKey<State>,
    job: Job<State>,
    rekeys: 'freely' | 'answers' | 'never',
    change: (context: JobContext) => void,
  ): boolean {
    const { job: jobBefore } = naive
    const before = encodedAlone(jobBefore, naive.state)
    adopt(naive, job)
    const emitted: string[] = []
    const sent: string[] = []
    let isLeft = true
    try {
      change({
        key,
        watermark,
        emit: ({ name, time, reason }) => void emitted.push(triggerId(name, key, time, reason)),
        rekey({ to = job.input, key: other, event }) {
          const isAnswer = rekeys === 'answers' && event.type === 'merge' && sent.length === 0
          if (rekeys !== 'freely' && !isAnswer) throw new JobError('rekeyed_twice', other)
          sent.push(rekeyedId(to, other, event))
        },
        drop() {
          isLeft = false
        },
      })
    } catch (error) {
      naive.state = decodedAlone(jobBefore, before)
      naive.job = jobBefore
      throw error
    }
    triggers.push(...emitted)
    rekeyed.push(...sent)
    return isLeft
  }

  /** Reads the state as the definition does that is about to change it. */
  function adopt(naive: NaiveKey<State>, job: Job<State>): void {
    if (naive.job !== job) naive.state = decodedAlone(job, encodedAlone(naive.job, naive.state))
    naive.job = job
  }

  function keepRow(key: string, naive: NaiveKey<State>): void {
    const { state, job, offset, revision, asOf } = naive
    const { features, segments } = job.row(state)
    naive.row = { version: [offset, revision], asOf, features, segments }
    everyRow.set(rowId(key, [offset, revision]), naive.row)
  }
}
