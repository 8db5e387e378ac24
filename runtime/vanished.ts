import type { Job } from '../jobs/job.ts'
import { RecordReader } from '../protocol/record-batch.ts'
import { type FeatureBegins, goneSince } from './feature-begins.ts'
import { LogError, nextOffset } from './log.ts'
import { outputTopics } from './outputs.ts'
import { type ReadOptions, readFrom } from './restore.ts'

/** Among so many of the newest records there is most likely a row. */
const recordsLookedAt = 200

/**
 * Names of features that the partition's newest row has, and the job has no more: their numbers vanish. The book of
 * features knows ids alone, so it only says whether it is worth looking. None where there is no row to tell.
 */
export async function vanishedFeatures(
  options: ReadOptions & { readonly job: Job; readonly partition: number },
  before: FeatureBegins | undefined,
): Promise<string[]> {
  const { job, log, partition, signal } = options
  if (goneSince(before, job.featureIds ?? {}) === 0) return []
  try {
    const { features } = outputTopics(job.name)
    const range = (await log.topics.ranges(features))[partition]
    if (range === undefined || range.start >= range.end) return []
    const from = nextOffset(Math.max(range.start, range.end - recordsLookedAt))
    const known = job.row(job.create()).features
    let names: string[] = []
    for await (const batch of readFrom(
      options,
      features,
      partition,
      from,
      next => next >= range.end,
    )) {
      const records = new RecordReader(batch.records)
      while (records.next()) {
        const value = records.value()
        if (value !== null) names = namesIn(String(value))
      }
    }
    return names.filter(name => !(name in known))
  } catch (error) {
    if (signal.aborted || !(error instanceof LogError)) throw error
    return [] // the rows are the job's to write; it may not be let read them, and this is for people alone
  }
}

function namesIn(row: string): string[] {
  try {
    return Object.keys((JSON.parse(row) as { features: object }).features)
  } catch {
    return [] // somebody else's record
  }
}
