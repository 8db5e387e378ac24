import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Packr } from 'msgpackr'
import type { Job } from '../jobs/job.ts'
import { partitionFor } from '../protocol/murmur2.ts'
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
import { committedRecords } from './committed-records.ts'
import { eventOf, type PastIdentities, type Place, pastIdentities } from './past-identities.ts'
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

const packr = new Packr({ useRecords: false })
const sendBytesDefault = 256 * 1024
/** A file's events are older than the topic's: whatever erases their user there does so later. */
const beforeAll: Place = { partition: -1, offset: -1, appendedAt: 0 }

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
    await fillAll(options, alone, plan)
    plan = { ...plan, filled: true }
    await writePlan(folder, plan)
  }
  const sent = await sendAll(options, alone, plan, backfillSource(job, id))
  await rm(folder, { recursive: true })
  return sent
}

/** The scratch stores: one for each partition, since each has a time of its own, and one for the files. */
const partsOf = ({ ranges }: Plan): string[] => ['files', ...ranges.map((_, at) => String(at))]

async function fillAll(options: BackfillOptions, alone: Job, plan: Plan): Promise<void> {
  const { folder, signal } = options
  for (const part of partsOf(plan)) await rm(join(folder, part), { recursive: true, force: true })
  const past = await identitiesOf(options)
  for (const part of partsOf(plan))
    await withScratch(options, alone, part, scratch => fill(scratch, part, plan, past, options))
  signal.throwIfAborted()
}

async function sendAll(
  options: BackfillOptions,
  alone: Job,
  plan: Plan,
  source: string,
): Promise<number> {
  const sender = new Sender(options, plan, source)
  try {
    for (const part of partsOf(plan))
      await withScratch(options, alone, part, scratch => sender.send(scratch))
    await sender.flush()
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

async function identitiesOf({ log, job, signal }: BackfillOptions): Promise<PastIdentities> {
  const ranges = await log.topics.ranges(job.input)
  const whole = ranges.map(({ start, end }, partition) => ({ partition, from: start, to: end }))
  const merges = job.rekeys?.includes(job.input) === true
  return pastIdentities(log, job.input, whole, { merges, signal })
}

async function fill(
  scratch: Scratch,
  part: string,
  { files, ranges }: Plan,
  past: PastIdentities,
  { log, job, clock, signal, onProgress }: BackfillOptions,
): Promise<void> {
  let count = 0
  let number = 0
  /** `appendedAt` bounds the event's time from above. */
  const take = async (
    key: string,
    value: OutgoingRecord['value'],
    place: Place,
    appendedAt = place.appendedAt,
  ) => {
    const owner = past.ownerOf(key, place)
    if (owner === undefined) return
    // As if rekeyed, so that it goes under its owner's key.
    const headers = [[rekeyedHeader, `past/0/0/${number++}`]] as const
    await scratch.take({ key: owner, value, headers }, appendedAt)
    if (++count % 1_000 === 0) onProgress('events', 1_000)
  }
  if (part === 'files') {
    const onBadLine = () => undefined
    for (const file of files)
      for await (const { key, value } of fileEvents(file, onBadLine))
        if (key !== null && !signal.aborted) await take(key, value, beforeAll, clock.now())
  } else {
    const partition = Number(part)
    const { start, end } = ranges[partition] as Plan['ranges'][number]
    const range = { partition, from: nextOffset(start), to: nextOffset(end) }
    for await (const { record } of committedRecords(log, job.input, [range], { signal })) {
      const event = eventOf(record)
      if (event === undefined || event.type === 'delete') continue
      const place = { partition, offset: record.offset, appendedAt: record.timestamp }
      await take(event.key, Buffer.from(record.value() ?? ''), place)
    }
  }
  await scratch.flush()
  onProgress('events', count % 1_000)
}

/** Numbers each partition's records and sends them in order. */
class Sender {
  readonly #options: BackfillOptions
  readonly #plan: Plan
  readonly #source: string
  readonly #producer
  readonly #numbers: number[]
  #gathered = new Map<number, OutgoingRecord[]>()
  #bytes = 0
  sent = 0

  constructor(options: BackfillOptions, plan: Plan, source: string) {
    this.#options = options
    this.#plan = plan
    this.#source = source
    this.#producer = options.log.producer()
    this.#numbers = plan.ranges.map(() => 0)
  }

  async send(scratch: Scratch): Promise<void> {
    for await (const [key, state] of scratch.entries()) {
      this.#options.signal.throwIfAborted()
      const partition = partitionFor(Buffer.from(key), this.#numbers.length)
      const number = (this.#numbers[partition] as number)++
      const event = { type: 'merge', messageId: '', timestamp: this.#plan.time, userId: key, state }
      const header = `${this.#source}/0/${partition}/${number}`
      const record = { key, value: packr.pack(event), headers: [[rekeyedHeader, header]] as const }
      const records = this.#gathered.get(partition)
      if (records === undefined) this.#gathered.set(partition, [record])
      else records.push(record)
      this.#bytes += state.length + 200
      const { sendBytesMax = sendBytesDefault } = this.#options
      if (this.#bytes > sendBytesMax) await this.flush()
    }
  }

  async flush(): Promise<void> {
    const topic = this.#options.job.input
    const appends = Array.from(this.#gathered, ([partition, records]) => ({
      ...{ topic, partition, records },
    }))
    await this.#producer.send(appends)
    const users = appends.reduce((sum, { records }) => sum + records.length, 0)
    this.sent += users
    this.#options.onProgress('users', users)
    this.#gathered = new Map()
    this.#bytes = 0
  }

  close(): Promise<void> {
    return this.#producer.close()
  }
}
