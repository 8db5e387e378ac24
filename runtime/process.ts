import { readdir } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Job } from '../jobs/job.ts'
import { systemClock } from './clock.ts'
import type { Span } from './event-traces.ts'
import { Generation } from './generation.ts'
import { measureJob } from './job-metrics.ts'
import { importJob } from './job-module.ts'
import { checkPartitions, inputSpec, prepareTopics } from './job-topics.ts'
import { type KafkaOptions, openKafkaLog } from './kafka-log.ts'
import { LaneThreads, openLaneThread } from './lane-thread.ts'
import { type Log, LogError } from './log.ts'
import { type MemberFile, openMemberFile } from './member-file.ts'
import type { RegistryOptions } from './registry.ts'
import { Source } from './source.ts'
import type { SourceFigures } from './source-options.ts'
import type { CacheBounds } from './state-cache.ts'
import type { Mode } from './task-options.ts'
import type { Telemetry } from './telemetry.ts'
import type { WorkerSetup } from './worker.ts'

/** `CacheBounds`: over all lanes. */
export interface JobProcessOptions extends CacheBounds {
  /** URL of the module whose default export is the job; each lane loads it anew. */
  readonly jobUrl: string
  readonly kafka: Omit<KafkaOptions, 'clock'>
  /** This process's own: its stores and its member id. */
  readonly folder: string
  readonly lanes: number
  /** Begun beforehand, for these lanes; whatever becomes of the process, it ends them. */
  readonly threads?: LaneThreads
  readonly mode: Mode
  /** Raised by a person when the input topic was made anew. */
  readonly era: number
  /** A person said that records which are gone may be passed over. */
  readonly acceptLoss: boolean
  /** Reads values with Confluent framing; without it they go to the dead letters. */
  readonly schemaRegistry?: RegistryOptions | undefined
  /** Instead of the job's own: 'hold' for old data, which must not fade at its end. */
  readonly idle?: Job['idle'] | undefined
  /** Makes the input, with so many partitions, where it is missing. */
  readonly createInput: number | undefined
  readonly replication: number
  readonly heapMbMax: number
  readonly sessionMs: number
  readonly hangMsMax: number
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Asked for when the tasks are live, or two seconds after the start. */
  readonly telemetry?: () => Promise<Telemetry>
  /** Follows one event in `every`, and each that carries a sampled `traceparent`. */
  readonly traces?:
    | { readonly every: number; readonly send: (spans: readonly Span[]) => void }
    | undefined
  /** The group is joined only after this; where it rejects, the process does not start. */
  readonly joinAfter?: Promise<void>
  /** Ends the waiting for a broker while it starts. */
  readonly signal: AbortSignal
  /** The process cannot go on: stop it, and end. */
  readonly onFatal: (error: Error) => void
}

export interface JobProcess {
  readonly job: Job
  figures(): SourceFigures
  /** Why it does not do all of its job now; empty when it does. */
  notReady(): string[]
  stop(): Promise<void>
}

/** Telemetry takes a tenth of a second to load: that waits until the tasks are live, but no longer than this, ms. */
const unmeasuredMsMax = 2_000
const lookMs = 50

/**
 * A job's process: one member of the job's group, with its lanes. The member file is opened first (locked
 * means that another process lives here), then the topics are made and checked, then the group is joined.
 */
export async function startJobProcess(options: JobProcessOptions): Promise<JobProcess> {
  options.joinAfter?.catch(() => undefined) // told when it is waited for
  const threads = options.threads ?? new LaneThreads(options.lanes, options.heapMbMax)
  const ends = [() => threads.close()]
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end()
  }
  try {
    const { job, tableFiles } = await loadJob(options)
    const member = await openMemberFile(options.folder)
    ends.push(() => member.close()) // keeps its id: the group may not have heard that it left
    const log = openKafkaLog({ ...options.kafka, clock: systemClock })
    ends.push(() => log.close())
    const source = await openSource({ ...options, tableFiles }, job, log, member, threads)
    ends.push(() => source.stop())
    const prepared = makeTopics(log, job, options).then(() => options.joinAfter)
    if (options.telemetry) ends.push(measure(source, options.telemetry, options.onFatal))
    await join(source, prepared, options.signal)
    return { job, figures: () => source.figures, notReady: () => source.notReady(), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The job as all lanes will have it: with its tables, which are read here, once. */
async function loadJob({ jobUrl, logger }: JobProcessOptions) {
  const job = await importJob(jobUrl)
  if (job.tables === undefined) return { job, tableFiles: undefined }
  const { readTableFiles, withTables } = await import('./tables.ts')
  const tableFiles = await readTableFiles(job.tables.sources, jobUrl)
  const { job: ready, warnings } = await withTables(job, tableFiles)
  for (const warning of warnings) logger.warn(warning)
  return { job: ready, tableFiles }
}

async function openSource(
  { kafka, folder, traces, ...options }: JobProcessOptions & Pick<WorkerSetup, 'tableFiles'>,
  job: Job,
  log: Log,
  member: MemberFile,
  threads: LaneThreads,
): Promise<Source> {
  const { brokers, clientId, ssl, sasl } = kafka
  const { jobUrl, mode, era, acceptLoss, idle, schemaRegistry, tableFiles } = options
  const setup = {
    ...{ jobUrl, folder, mode, era, acceptLoss, idle, schemaRegistry, tableFiles },
    kafka: {
      ...{ brokers, clientId },
      ...(ssl !== undefined && { ssl }),
      ...(sasl !== undefined && { sasl }),
    },
    cacheKeysMax: Math.ceil(options.cacheKeysMax / options.lanes),
    cacheBytesMax: Math.ceil(options.cacheBytesMax / options.lanes),
    traceEvery: traces?.every,
  }
  const stored = await storedPartitions(folder)
  return new Source({
    job: job.name,
    input: job.input,
    lanes: options.lanes,
    log,
    clock: systemClock,
    logger: options.logger,
    sessionMs: options.sessionMs,
    hangMsMax: options.hangMsMax,
    previousMemberId: member.previous,
    openLane: (_index, events) =>
      openLaneThread(threads.take(), setup, { ...events, onSpans: spans => traces?.send(spans) }),
    stored: () => stored,
    partitions: () => checkPartitions(log, job),
    generation: new Generation(log, job),
    onMember: memberId => void member.keep(memberId).catch(options.onFatal),
    onFatal: options.onFatal,
  })
}

/** A broker that is away, or a group that waits for a dead member's session to end, answers late: `signal` ends the waiting. */
async function join(source: Source, prepared: Promise<void>, signal: AbortSignal): Promise<void> {
  let stopWaiting = (): void => undefined
  const stopped = new Promise<never>((_, reject) => {
    stopWaiting = () => reject(new LogError('unreachable', 'stopped before the group was joined'))
  })
  signal.addEventListener('abort', stopWaiting, { once: true })
  if (signal.aborted) stopWaiting()
  try {
    await Promise.race([source.start(prepared), stopped])
  } finally {
    signal.removeEventListener('abort', stopWaiting)
  }
}

/** Answers how to end it. */
function measure(
  source: Source,
  open: () => Promise<Telemetry>,
  onFatal: (error: Error) => void,
): () => Promise<void> {
  const ended = new AbortController()
  let stop = (): void => undefined
  const begin = async () => {
    const until = systemClock.elapsed() + unmeasuredMsMax
    while (source.notReady().length > 0 && systemClock.elapsed() < until && !ended.signal.aborted)
      await systemClock.sleep(lookMs, ended.signal)
    if (ended.signal.aborted) return
    const telemetry = await open()
    if (!ended.signal.aborted) stop = measureJob(source, telemetry, systemClock)
  }
  begin().catch(onFatal)
  return async () => {
    ended.abort()
    stop()
  }
}

async function makeTopics(log: Log, job: Job, options: JobProcessOptions): Promise<void> {
  const { createInput, replication, logger } = options
  if (createInput !== undefined)
    await log.topics.create([inputSpec(job.input, createInput, replication)])
  await prepareTopics(log, job, replication, message => logger.warn(message))
}

/** Partitions whose stores lie in the folder. */
async function storedPartitions(folder: string): Promise<number[]> {
  const names = await readdir(folder)
  return names.flatMap(name => /^task-(\d+)$/.exec(name)?.[1] ?? []).map(Number)
}
