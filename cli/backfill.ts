import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Event } from '../jobs/event.ts'
import type { Job } from '../jobs/job.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import { nextOffset } from '../runtime/log.ts'
import { rekeyedHeader } from '../runtime/rekeyed.ts'
import { Scratch } from '../runtime/scratch.ts'
import { openLevelStore } from '../state/level-store.ts'
import {
  backfillSource,
  makePlan,
  type Plan,
  type PlanOptions,
  readPlan,
  writePlan,
} from './backfill-plan.ts'
import { BackfillSender } from './backfill-sender.ts'
import { committedRecords } from './committed-records.ts'
import { type Place, readErased } from './erased-list.ts'
import { eventInFile, eventOf, Past, placeOf, tellPast } from './past-identities.ts'
import { fileEvents } from './replay.ts'
import { UserError } from './user-error.ts'

/** `files`: of events older than the topic's, NDJSON, in order of time. */
export interface BackfillOptions extends PlanOptions {
  /** Kept until all is sent, so that a backfill that died goes on with the very same. */
  readonly folder: string
  /** Of states in one send; 256 KiB when left out. */
  readonly sendBytesMax?: number
  readonly onProgress: (what: 'events' | 'users', count: number) => void
}

/**
 * Gives a feature the past that it was not there for: computes its states over the old events, by the code that
 * the tasks run, and sends them to the job's input, where each task merges its users' own, in its own commits.
 * What is sent is numbered, and a task takes each number once, so a backfill that dies is run again and
 * nothing counts twice. Answers how many users' states were sent.
 */
export async function backfill(options: BackfillOptions): Promise<number> {
  const { job, feature, folder } = options
  const id = job.featureIds?.[feature]
  const alone = id === undefined ? undefined : job.only?.(feature)
  if (id === undefined || alone === undefined)
    throw new UserError(
      'unknown_feature',
      `job ${job.name} has no feature ${JSON.stringify(feature)}; it has ${Object.keys(job.featureIds ?? {}).join(', ')}`,
    )
  await mkdir(folder, { recursive: true })
  let plan = (await readPlan(folder)) ?? (await makePlan(options, id))
  if (!plan.filled) {
    plan = await fillAll(options, alone, plan)
    await writePlan(folder, plan)
  }
  const sent = await sendAll(options, alone, plan, backfillSource(job, id))
  await rm(folder, { recursive: true })
  return sent
}

/** The scratch stores: one for each partition, since each has a time of its own, and one for the files. */
const partsOf = ({ ranges }: Plan): string[] => ['files', ...ranges.map((_, at) => String(at))]

async function fillAll(options: BackfillOptions, alone: Job, plan: Plan): Promise<Plan> {
  const { folder, signal } = options
  for (const part of partsOf(plan)) await rm(join(folder, part), { recursive: true, force: true })
  const { past, read } = await readPast(options, plan)
  for (const part of partsOf(plan))
    await withScratch(options, alone, part, scratch => fill(scratch, part, plan, past, options))
  signal.throwIfAborted()
  return { ...plan, read, filled: true }
}

async function sendAll(
  options: BackfillOptions,
  alone: Job,
  plan: Plan,
  source: string,
): Promise<number> {
  const sender = new BackfillSender(options, plan, source)
  try {
    for (const part of partsOf(plan))
      await withScratch(options, alone, part, scratch => sender.send(scratch))
    await sender.end()
  } finally {
    await sender.close()
  }
  return sender.sent
}

async function withScratch(
  { folder }: BackfillOptions,
  job: Job,
  part: string,
  work: (scratch: Scratch) => Promise<void>,
): Promise<void> {
  const store = await openLevelStore(join(folder, part))
  try {
    await work(new Scratch(job, store))
  } finally {
    await store.close()
  }
}

/** All that says who is who and who was erased: the files, the list of the erased, and the whole input. */
async function readPast(
  { log, clock, job, signal }: BackfillOptions,
  { files, era }: Plan,
): Promise<{ past: Past; read: number[] }> {
  const merges = job.rekeys?.includes(job.input) === true
  const past = new Past({ merges, erased: await readErased(log, job.input, { signal }) })
  for await (const { event, place } of eventsOf(files, clock.now())) past.tell(event, place)
  const ranges = await log.topics.ranges(job.input)
  const whole = ranges.map(({ start, end }, partition) => ({ partition, from: start, to: end }))
  await tellPast(past, log, job.input, whole, { era, signal })
  return { past, read: ranges.map(({ end }) => end) }
}

async function* eventsOf(files: readonly string[], now: number) {
  for (const file of files)
    for await (const { value } of fileEvents(file, () => undefined)) {
      const found = eventInFile(value, now)
      if (found !== undefined) yield { ...found, value }
    }
}

async function fill(
  scratch: Scratch,
  part: string,
  { files, ranges, era }: Plan,
  past: Past,
  { log, job, clock, signal, onProgress }: BackfillOptions,
): Promise<void> {
  let count = 0
  let number = 0
  /** `appendedAt` bounds the event's time from above. */
  const take = async (
    { key, type }: Event,
    value: OutgoingRecord['value'],
    place: Place,
    appendedAt: number,
  ) => {
    const owner = past.ownerOf(key, place)
    if (owner === undefined || type === 'delete') return
    // As if rekeyed, so that it goes under its owner's key.
    const headers = [[rekeyedHeader, `past/0/0/${number++}`]] as const
    await scratch.take({ key: owner, value, headers }, appendedAt)
    if (++count % 1_000 === 0) onProgress('events', 1_000)
  }
  if (part === 'files') {
    const now = clock.now()
    for await (const { event, place, value } of eventsOf(files, now))
      if (!signal.aborted) await take(event, value, place, now)
  } else {
    const partition = Number(part)
    const { start, end } = ranges[partition] as Plan['ranges'][number]
    const range = { partition, from: nextOffset(start), to: nextOffset(end) }
    for await (const { record } of committedRecords(log, job.input, [range], { signal })) {
      const event = eventOf(record)
      if (event === undefined) continue
      const value = Buffer.from(record.value() ?? '')
      await take(event, value, placeOf(partition, record, era), record.timestamp)
    }
  }
  await scratch.flush()
  onProgress('events', count % 1_000)
}
