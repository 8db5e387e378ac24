import { readdir } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Job } from '../jobs/job.ts'
import { systemClock } from './clock.ts'
import type { Span } from './event-traces.ts'
import { Generation } from './generation.ts'
import { measureJob } from './job-metrics.ts'
import { checkPartitions, inputSpec, prepareTopics } from './job-topics.ts'
import { type KafkaOptions, openKafkaLog } from './kafka-log.ts'
import { openLaneThread } from './lane-thread.ts'
import { type Log, LogError } from './log.ts'
import { openMemberFile } from './member-file.ts'
import { Source } from './source.ts'
import type { SourceFigures } from './source-options.ts'
import type { Mode } from './task-options.ts'
import { noTelemetry, type Telemetry } from './telemetry.ts'

export interface JobProcessOptions {
  /** URL of the module whose default export is the job; each lane loads it anew. */
  readonly jobUrl: string
  readonly kafka: Omit<KafkaOptions, 'clock'>
  /** This process's own: its stores and its member id. */
  readonly folder: string
  readonly lanes: number
  readonly mode: Mode
  /** Raised by a person when the input topic was made anew. */
  readonly era: number
  /** A person said that records which are gone may be passed over. */
  readonly acceptLoss: boolean
  /** Instead of the job's own: 'hold' for old data, which must not fade at its end. */
  readonly idle?: Job['idle'] | undefined
  /** Makes the input, with so many partitions, where it is missing. */
  readonly createInput: number | undefined
  readonly replication: number
  /** Keys in memory, over all lanes. */
  readonly cacheKeysMax: number
  readonly heapMbMax: number
  readonly sessionMs: number
  readonly hangMsMax: number
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly telemetry?: Telemetry
  /** Follows one event in `every`, and each that carries a sampled `traceparent`. */
  readonly traces?:
    | { readonly every: number; readonly send: (spans: readonly Span[]) => void }
    | undefined
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

/**
 * A job's process: one member of the job's group, with its lanes. The member file is opened first (locked
 * means that another process lives here), then the topics are made and checked, then the group is joined.
 */
export async function startJobProcess(options: JobProcessOptions): Promise<JobProcess> {
  const { jobUrl, kafka, folder, logger } = options
  const { default: job } = (await import(jobUrl)) as { default: Job }
  const member = await openMemberFile(folder)
  const log = openKafkaLog({ ...kafka, clock: systemClock })
  let stopSource = (): Promise<void> => Promise.resolve()
  let stopStarting: () => void = () => undefined
  const onAbort = () => stopStarting()
  options.signal.addEventListener('abort', onAbort, { once: true })
  try {
    const stored = await storedPartitions(folder)
    const { brokers, clientId, ssl, sasl } = kafka
    const laneKafka = {
      brokers,
      clientId,
      ...(ssl !== undefined && { ssl }),
      ...(sasl !== undefined && { sasl }),
    }
    const source = new Source({
      job: job.name,
      input: job.input,
      lanes: options.lanes,
      log,
      clock: systemClock,
      logger,
      sessionMs: options.sessionMs,
      hangMsMax: options.hangMsMax,
      previousMemberId: member.previous,
      openLane: (_index, events) =>
        openLaneThread(
          {
            jobUrl,
            kafka: laneKafka,
            folder,
            mode: options.mode,
            era: options.era,
            acceptLoss: options.acceptLoss,
            idle: options.idle,
            cacheKeysMax: Math.ceil(options.cacheKeysMax / options.lanes),
            traceEvery: options.traces?.every,
          },
          options.heapMbMax,
          { ...events, onSpans: spans => options.traces?.send(spans) },
        ),
      stored: () => stored,
      partitions: () => checkPartitions(log, job),
      generation: new Generation(log, job),
      onMember: memberId => void member.keep(memberId).catch(options.onFatal),
      onFatal: options.onFatal,
    })
    const stopMeasuring = measureJob(source, options.telemetry ?? noTelemetry, systemClock)
    stopSource = async () => {
      stopMeasuring()
      await source.stop()
    }
    await new Promise<void>((resolve, reject) => {
      // A broker that is away, or a group that waits for a dead member's session to end, answers late.
      stopStarting = () =>
        reject(new LogError('unreachable', 'stopped before the group was joined'))
      if (options.signal.aborted) stopStarting()
      source.start(makeTopics(log, job, options)).then(resolve, reject)
    })
    options.signal.removeEventListener('abort', onAbort)
    return {
      job,
      figures: () => source.figures,
      notReady: () => source.notReady(),
      async stop() {
        await stopSource()
        await log.close()
        await member.close() // keeps its id: the group may not have heard that it left
      },
    }
  } catch (error) {
    options.signal.removeEventListener('abort', onAbort)
    await stopSource()
    await log.close()
    await member.close()
    throw error
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
