import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Job } from '../jobs/job.ts'
import type { Clock } from '../runtime/clock.ts'
import { beginOf, unknownBegin } from '../runtime/feature-begins.ts'
import type { Committed, Log } from '../runtime/log.ts'
import { outputTopics } from '../runtime/outputs.ts'
import { parseMetadata } from '../runtime/progress.ts'
import { markerAt } from '../runtime/restore.ts'
import { UserError } from './user-error.ts'

/** What a backfill is to do. Written down before it begins. */
export interface Plan {
  readonly files: readonly string[]
  /** What of each partition the feature was not there for. */
  readonly ranges: readonly { readonly start: number; readonly end: number }[]
  /** Of the input. */
  readonly era: number
  /** Of each partition, how far the input was read for erasures when the scratch states were made. */
  readonly read?: readonly number[]
  /** The event time of what is sent, epoch ms: where the tasks' time stands, so that it holds up nobody. */
  readonly time: number
  /** Whether the scratch states are complete; from then on, they alone count. */
  readonly filled: boolean
}

export interface PlanOptions {
  readonly log: Log
  readonly clock: Clock
  readonly job: Job
  readonly feature: string
  readonly files: readonly string[]
  readonly signal: AbortSignal
}

/** The source that a task's marker names for what a backfill has sent it. */
export const backfillSource = (job: Pick<Job, 'name'>, id: string): string =>
  `${job.name}.backfill.${id}`

/**
 * What is to be done, from what the tasks have committed. Throws a `UserError` where the feature is not at work, has
 * its past already, or nobody knows since when it is there.
 */
export async function makePlan(options: PlanOptions, id: string): Promise<Plan> {
  const { log, job, feature, files } = options
  const { commits } = outputTopics(job.name)
  const ranges = await log.topics.ranges(job.input)
  const committed = await log.committed(commits, job.input, [...ranges.keys()])
  await refuseTwice(options, backfillSource(job, id), committed)
  const begins = ranges.map(({ start }, partition) => {
    const found = committed[partition]
    const progress = found && parseMetadata(found)
    const fail = (problem: string): never => {
      throw new UserError('no_backfill', `${job.name}-${partition}: ${problem}`)
    }
    if (!progress) return fail('nothing was committed yet; run the job first')
    if (progress.hash !== job.hash)
      return fail('it runs another definition of the job; deploy this one first, then backfill')
    const begin = beginOf(progress.features ?? [], id)
    if (begin === undefined || begin === unknownBegin)
      return fail(
        `since when it has "${feature}" is not known; rename the feature to begin it anew`,
      )
    return { start, end: begin, time: progress.watermark, era: progress.era }
  })
  const times = begins.flatMap(({ time }) => time ?? [])
  const time = times.length > 0 ? Math.max(...times) : options.clock.now()
  return {
    files,
    ranges: begins.map(({ start, end }) => ({ start, end })),
    era: Math.max(...begins.map(({ era }) => era)),
    time: time + job.outOfOrdernessMs,
    filled: false,
  }
}

/** Numbers once taken are taken for good, so another past of the same feature would be taken in part. */
async function refuseTwice(
  options: PlanOptions,
  source: string,
  committed: readonly (Committed | undefined)[],
): Promise<void> {
  const { job, feature } = options
  const { changelog } = outputTopics(job.name)
  for (const [partition, found] of committed.entries()) {
    const progress = found && parseMetadata(found)
    if (progress?.sources !== 'in-marker') continue
    const marker = await markerAt({ ...options, changelog, partition }, progress.changelog)
    const sources = Array.isArray(marker?.sources) ? marker.sources : []
    if (sources.some(([name]) => name === source))
      throw new UserError(
        'no_backfill',
        `"${feature}" of ${job.name} was backfilled before, or a backfill of it was begun with another --data folder: run it there again, or rename the feature to begin it anew`,
      )
  }
}

/** `undefined`: there is none in the folder. */
export async function readPlan(folder: string): Promise<Plan | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'plan.json'), 'utf8')) as Plan
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Whole or not at all. */
export async function writePlan(folder: string, plan: Plan): Promise<void> {
  await writeFile(join(folder, 'plan.json.new'), JSON.stringify(plan))
  await rename(join(folder, 'plan.json.new'), join(folder, 'plan.json'))
}
