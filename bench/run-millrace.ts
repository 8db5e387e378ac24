import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { deleteTopics } from './delete-topics.ts'
import { finalFeatures } from './final-features.ts'
import type { Guarantee } from './flags.ts'
import { untilReady } from './listening.ts'
import { MeasuredProcess } from './measured-process.ts'
import { type Program, source } from './program.ts'
import type { RunResult } from './run-result.ts'

export interface MillraceRun {
  readonly brokers: string
  readonly input: string
  readonly events: number
  readonly guarantee: Guarantee
  readonly lanes: number
  /** A row for each event, as the peers write; else one for each user that a commit changed. */
  readonly everyEvent?: boolean
  /** What is run; this checkout's source when left out. */
  readonly program?: Program | undefined
  /** Rows say when their event was sent, as the peers' do where the event says it. */
  readonly carriesSentAt?: boolean
}

/** How long nothing may be committed before the run counts as stuck, as with the peers. */
const STALL_MS = 20_000
const LOOK_MS = 20
const READY_MS_MAX = 60_000

/** The environment that the Dockerfile gives, as far as it matters for speed or memory. */
const asInTheImage = { ...process.env, MALLOC_ARENA_MAX: '2' }
const sentJob = new URL('./peer-job-sent.ts', import.meta.url).href

/**
 * Runs `millrace run` on the whole of an input topic, under a new job name and in a new folder, until every
 * event's offset is committed; then stops it in order. The time begins when the first task owns its partition:
 * a commit says so just before its first event.
 */
export async function runMillrace(log: Log, run: MillraceRun): Promise<RunResult> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const launchedAt = systemClock.now()
  const { child, job, output, topics } = await startMillrace(folder, run)
  const ended = new AbortController()
  try {
    const committed = allCommitted(log, job, run, ended.signal)
    const ownedAt = await Promise.race([committed, child.failed()])
    await child.end()
    const endedAt = systemClock.now()
    const { hash, rows } = await finalFeatures(log, output)
    if (run.everyEvent && rows !== run.events)
      throw new Error(`${run.events} events made ${rows} rows, and a row for each was asked for`)
    const seconds = (endedAt - ownedAt) / 1000
    return {
      engine: 'millrace',
      guarantee: run.guarantee,
      events: run.events,
      seconds,
      eventsPerSecond: Math.round(run.events / seconds),
      startupSeconds: (ownedAt - launchedAt) / 1000,
      ...child.usage,
      hash,
    }
  } finally {
    ended.abort()
    child.kill()
    await rm(folder, { recursive: true })
    await deleteTopics(run.brokers, topics)
  }
}

/** All that a job makes at the broker besides its group. */
export function topicsOf(job: string): string[] {
  return ['features', 'changelog', 'triggers', 'late', 'dead'].map(kind => `${job}.${kind}`)
}

/** Started, and not yet ready. */
export interface StartedEngine {
  readonly child: MeasuredProcess
  /** The topic of its rows. */
  readonly output: string
  /** To be deleted when it has ended. */
  readonly topics: readonly string[]
  /** Resolves when it has all partitions of the input; rejects when it takes more than a minute. */
  ready(): Promise<unknown>
}

export interface StartedMillrace extends StartedEngine {
  readonly job: string
  /** Starts one more process of the same job. */
  another(instance: string): MeasuredProcess
}

/** Starts `millrace run` on the peers' workload, as a job that nobody has run yet, with its files in the folder. */
export async function startMillrace(
  folder: string,
  run: Omit<MillraceRun, 'events'>,
): Promise<StartedMillrace> {
  const job = `bench-${randomUUID().slice(0, 8)}`
  const { brokers, input, guarantee, lanes, everyEvent = false, carriesSentAt = false } = run
  const program = carriesSentAt ? source : (run.program ?? source)
  const peerJob = carriesSentAt ? sentJob : program.peerJob
  const path = join(folder, program.jobFile)
  const changed = JSON.stringify({ name: job, input, ...(everyEvent && { emit: 'every' }) })
  await writeFile(path, `import job from '${peerJob}'\nexport default { ...job, ...${changed} }\n`)
  const args = [
    ...[program.path, 'run', path, '--brokers', brokers],
    ...['--data', join(folder, 'data'), '--port', '0'],
    ...['--lanes', String(lanes), '--mode', guarantee],
  ]
  const child = new MeasuredProcess(process.execPath, args, { environment: asInTheImage })
  return {
    ...{ child, job, output: `${job}.features`, topics: topicsOf(job) },
    ready: () => untilReady(child, READY_MS_MAX),
    another: instance =>
      new MeasuredProcess(process.execPath, [...args, '--instance', instance], {
        environment: asInTheImage,
      }),
  }
}

/**
 * Resolves when the job's group has committed the input's end in each partition, or the signal aborts. Answers when
 * its first commit was there, epoch ms.
 */
export async function allCommitted(
  log: Log,
  job: string,
  run: MillraceRun,
  signal: AbortSignal,
): Promise<number> {
  const ends = (await log.topics.ranges(run.input)).map(({ end }) => end)
  const partitions = ends.map((_, partition) => partition)
  let seen = -1
  let seenAt = systemClock.elapsed()
  let ownedAt = Number.NaN
  while (!signal.aborted) {
    const askedAt = systemClock.now()
    const committed = await log.committed(`${job}.commits`, run.input, partitions)
    const done = committed.reduce((sum, each) => sum + (each?.next ?? 0), 0)
    if (Number.isNaN(ownedAt) && committed.some(Boolean)) ownedAt = askedAt
    if (committed.every((each, partition) => each?.next === ends[partition])) return ownedAt
    if (done > seen) {
      seen = done
      seenAt = systemClock.elapsed()
    } else if (systemClock.elapsed() - seenAt > STALL_MS) {
      throw new Error(
        `after ${done} of ${run.events} events nothing was committed for ${STALL_MS} ms`,
      )
    }
    await systemClock.sleep(LOOK_MS, signal)
  }
  return ownedAt
}
