import type { Job, JobRow } from '../jobs/job.ts'
import { encodeRecordBatch, type OutgoingRecord, RecordReader } from '../protocol/record-batch.ts'
import { Checkpoint } from '../runtime/checkpoint.ts'
import { freezeCommit } from '../runtime/commit.ts'
import { encodeEntity } from '../runtime/entity.ts'
import { nextOffset } from '../runtime/log.ts'
import { Pipeline } from '../runtime/pipeline.ts'
import type { Progress } from '../runtime/progress.ts'
import { rekeyedHeader } from '../runtime/rekeyed.ts'
import { States } from '../runtime/states.ts'
import { Timers } from '../runtime/timers.ts'
import { Watermark } from '../runtime/watermark.ts'
import { memoryStore } from '../state/memory-store.ts'

export interface PipelineRun {
  readonly events: number
  /** Of one core, for decoding, the job, timers, and making rows and encoded states; no broker, no disk. */
  readonly cpuSeconds: number
  readonly rows: number
  readonly dead: number
  /** Trigger records, as they were written. */
  readonly triggers: readonly string[]
  /** Records for another job. */
  readonly rekeyed: readonly OutgoingRecord[]
  /** Bytes of the largest encoded state of any commit. */
  readonly largestState: number
  row(key: string): JobRow
  /** Bytes of the key's encoded state. */
  bytes(key: string): number
}

/** What a commit's marker would say; nobody reads it here. */
const nowhere: Progress = {
  ...{ next: nextOffset(0), history: '', watermark: undefined, partitions: 1, era: 0, hash: '' },
  ...{ generation: 1, last: -1, appendedAt: -1, tries: 0, hand: -1, handDeaths: 0, clean: false },
}
/** As many as one answer of a broker brings. */
const recordsPerBatch = 500
/** Some 10 MB. */
const batchesPerGroup = 64
const usualPerCommit = 5_000

/**
 * Takes records through one task's pipeline, and makes each commit ready as a lane does. Batches are encoded
 * beforehand, piece by piece, and their encoding is not counted.
 */
export function runPipeline<State>(
  job: Job<State>,
  records: Iterable<OutgoingRecord>,
  eventsPerCommit = usualPerCommit,
): PipelineRun {
  const store = memoryStore()
  const progress = { history: '', complete: -1, newest: -1, writtenAt: 0 }
  const states = new States(
    job,
    new Checkpoint(store, progress),
    { keysMax: Number.MAX_SAFE_INTEGER },
    false,
  )
  const timers = new Timers(store)
  const watermark = new Watermark(job.outOfOrdernessMs, undefined)
  const ends = { partition: 0, partitions: 1, era: 0, inHand: () => undefined }
  const pipeline = new Pipeline({ job, states, timers, watermark, ...ends })
  const found = { rows: 0, dead: 0, largestState: 0 }
  const triggers: string[] = []
  const rekeyed: OutgoingRecord[] = []
  let events = 0
  let cpu = 0
  let uncommitted = 0

  function takeCommit(): void {
    const side = pipeline.side.take()
    const frozen = freezeCommit({ job, partition: 0 }, states, side, nowhere, false)
    pipeline.frozen()
    for (const { entity, bytes } of frozen.states) {
      entity.committing = false
      found.largestState = Math.max(found.largestState, bytes?.length ?? 0)
    }
    found.rows += frozen.rows
    found.dead += side.dead.length
    for (const { value } of side.triggers) triggers.push(String(value))
    rekeyed.push(...side.rekeyed)
  }

  function take(batch: Buffer): void {
    const reader = new RecordReader(batch)
    while (reader.next()) {
      pipeline.take(reader)
      if (watermark.time === undefined) continue
      while (pipeline.fireDue(watermark.time) === 'full') takeCommit()
    }
  }

  function timed(work: () => void): void {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    cpu += user + system
  }

  for (const group of groups(batches(records))) {
    timed(() => {
      for (const batch of group) {
        take(batch.bytes)
        uncommitted += batch.count
        events += batch.count
        if (uncommitted < eventsPerCommit) continue
        takeCommit()
        uncommitted = 0
      }
    })
  }
  timed(takeCommit)
  const row = (key: string) => job.row(states.get(key).state)
  const bytes = (key: string) => encodeEntity(job, states.get(key)).length
  return { ...found, events, cpuSeconds: cpu / 1e6, triggers, rekeyed, row, bytes }
}

/** As many as lie ready at once: to encode one between every two would leave its garbage, and empty the caches. */
function* groups<One>(all: Iterable<One>): Generator<One[]> {
  let group: One[] = []
  for (const one of all) {
    if (group.push(one) < batchesPerGroup) continue
    yield group
    group = []
  }
  yield group
}

function* batches(records: Iterable<OutgoingRecord>): Generator<{ bytes: Buffer; count: number }> {
  const now = Date.UTC(2100, 0)
  let gathered: OutgoingRecord[] = []
  let offset = 0
  const encode = () => {
    const bytes = encodeRecordBatch(gathered, { now })
    bytes.writeBigInt64BE(BigInt(offset), 0)
    const count = gathered.length
    offset += count
    gathered = []
    return { bytes, count }
  }
  for (const record of records) {
    gathered.push(record)
    if (gathered.length === recordsPerBatch) yield encode()
  }
  if (gathered.length > 0) yield encode()
}

/** What the forwarder of a job makes of its rekeyed records. */
export function* forwarded(
  job: string,
  rekeyed: readonly OutgoingRecord[],
): Generator<OutgoingRecord> {
  for (const [offset, { key, value }] of rekeyed.entries())
    yield { key, value, headers: [[rekeyedHeader, `${job}/0/0/${offset}`]] }
}
