import type { Job } from '../../jobs/job.ts'
import {
  encodeRecordBatch,
  type OutgoingRecord,
  RecordReader,
} from '../../protocol/record-batch.ts'
import { Checkpoint } from '../../runtime/checkpoint.ts'
import { Pipeline } from '../../runtime/pipeline.ts'
import { States } from '../../runtime/states.ts'
import { Timers } from '../../runtime/timers.ts'
import { Watermark } from '../../runtime/watermark.ts'
import { memoryStore } from '../../state/memory-store.ts'
import { type SimState, simJob } from '../simulator/sim-job.ts'

export const start = Date.UTC(2026, 10, 22)
export const minute = 60_000

interface Sent {
  readonly user?: string
  readonly at?: number
  readonly id?: string
  readonly properties?: Record<string, unknown>
}

/** A task's inner parts, with a store in memory, and a log's end to append to. */
export function pipelineOf({
  stateBytesMax = 64 * 1024,
  early = false,
  partitions = 1,
  cacheMax = 1_000,
  era = 0,
  poison = -1,
  change = (job: Job<SimState>) => job,
} = {}) {
  const job = change({ ...simJob({ idle: 'hold' }), stateBytesMax })
  const store = memoryStore()
  const checkpoint = new Checkpoint(store, { history: 'h', complete: -1, newest: -1, writtenAt: 0 })
  const states = new States(job, checkpoint, { keysMax: cacheMax }, early)
  const timers = new Timers(store)
  const watermark = new Watermark(job.outOfOrdernessMs, undefined)
  const hands: number[] = []
  const inHand = (offset: number) => hands.push(offset)
  const pipeline = new Pipeline({
    job,
    partition: 0,
    partitions,
    era,
    states,
    timers,
    watermark,
    inHand,
    poison,
  })
  let end = 0
  const records = (record: OutgoingRecord) => {
    const batch = encodeRecordBatch([record], { now: start + 60 * minute })
    batch.writeBigInt64BE(BigInt(end++), 0)
    const reader = new RecordReader(batch)
    reader.next()
    return reader
  }
  const take = ({ user = 'ann', at = 0, id = `m${end}`, properties = {} }: Sent) => {
    const event = { messageId: id, event: 'x', userId: user, timestamp: start + at, properties }
    pipeline.take(records({ key: user, value: JSON.stringify(event) }))
  }
  const count = (user = 'ann') => states.get(user).state.count
  const codes = () => pipeline.side.take().dead.map(({ headers }) => headers?.[0]?.[1])
  let marker = 0
  const commit = () => {
    const frozen = states.freeze().map(entity => ({ entity, bytes: states.encode(entity) }))
    pipeline.frozen()
    states.committed(frozen, ++marker, start)
    return frozen.map(({ entity }) => entity.key)
  }
  return {
    ...{
      job,
      store,
      checkpoint,
      states,
      timers,
      watermark,
      hands,
      pipeline,
      take,
      count,
      codes,
      commit,
      records,
    },
  }
}
