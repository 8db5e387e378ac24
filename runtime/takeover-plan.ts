import type { StoreProgress } from '../state/store.ts'
import type { Committed, NextOffset } from './log.ts'
import { type CommittedProgress, parseMetadata } from './progress.ts'

/** A store that was last written longer ago may have missed tombstones that compaction has removed since. */
export const storeAgeMsMax = 6 * 24 * 3600 * 1000

/** What is known of a task after fencing, before anything is done. */
export interface TakeoverFacts {
  readonly task: { readonly job: string; readonly input: string; readonly partition: number }
  readonly job: { readonly hash: string; readonly partitions: number; readonly era: number }
  /** The job's generation this process began with; a newer one means that it is outdated. */
  readonly generation: number | undefined
  readonly input: { readonly start: NextOffset; readonly end: NextOffset }
  readonly changelog: { readonly start: NextOffset; readonly end: NextOffset }
  /** The group's offset, or else the newest marker of the changelog (Kafka forgets offsets after seven days). */
  readonly committed: Committed | undefined
  readonly marker: CommittedProgress | undefined
  readonly store: StoreProgress | undefined
  /** Append time of the input record at `last`, where it can still be read. */
  readonly lastAppendedAt: number | undefined
  /** Broker time, epoch ms, as far as it is known. */
  readonly now: number
  /** A person said that records which are gone may be passed over. */
  readonly acceptLoss: boolean
}

export type TakeoverPlan =
  | { readonly kind: 'refuse'; readonly reason: string }
  /** A newer definition of this job is at work; this process must leave the group. */
  | { readonly kind: 'outdated'; readonly reason: string }
  /** Nothing was ever committed: commit where it starts, with a new history. */
  | { readonly kind: 'begin'; readonly next: NextOffset }
  | {
      readonly kind: 'resume'
      readonly progress: CommittedProgress
      readonly discardStore: boolean
      /** Changelog offsets to read: from `from` on, up to and including the marker at `progress.changelog`. */
      readonly from: number
      readonly next: NextOffset
      /** The input was made anew, and nothing of it is taken yet. */
      readonly anew: boolean
    }

/** Decides without I/O what to do with a task. Every refusal names what was expected, what was found, and the remedy. */
export function planTakeover(facts: TakeoverFacts): TakeoverPlan {
  const { task, job, input, changelog, committed } = facts
  const name = `${task.job}-${task.partition}`
  const progress = committed ? parseMetadata(committed) : facts.marker
  if (committed && !progress) {
    return refuse(
      `the committed offset ${committed.next} of ${name} does not carry Millrace's metadata: somebody moved it. Delete the group's offset of this partition to begin from the changelog's newest marker`,
    )
  }
  if (!progress) {
    if (changelog.end > 0) {
      return refuse(
        `${name} has no committed offset, and its changelog has ${changelog.end} records but no marker: it is not this job's changelog. Use another job name`,
      )
    }
    return { kind: 'begin', next: input.start }
  }
  if (progress.partitions !== job.partitions) {
    return refuse(
      `${name} was committed with ${progress.partitions} partitions, its topics have ${job.partitions}: users would be split. Give the job a new name, and let it read from the start`,
    )
  }
  // Under the same definition nobody is outdated: generations also differ by how often a partition saw a change.
  const changed = progress.hash !== job.hash
  if (changed && facts.generation !== undefined && progress.generation > facts.generation) {
    return {
      kind: 'outdated',
      reason: `${name} is at generation ${progress.generation} of its job, this process began with ${facts.generation}: restart it with the new definition`,
    }
  }
  return planResume(facts, progress)
}

function planResume(facts: TakeoverFacts, progress: CommittedProgress): TakeoverPlan {
  const { task, job, input, changelog, store } = facts
  const name = `${task.job}-${task.partition}`
  // A person raises the era for all partitions; one that has begun with the new topic already goes on in it.
  const sameRecord = progress.appendedAt >= 0 && facts.lastAppendedAt === progress.appendedAt
  const anew = job.era > progress.era && !sameRecord
  let next = progress.next
  if (job.era < progress.era) {
    return refuse(
      `${name} is in era ${progress.era}, this process was started with era ${job.era}: start it with --era ${progress.era}`,
    )
  }
  if (anew) {
    next = input.start
  } else if (
    facts.lastAppendedAt !== undefined &&
    progress.appendedAt >= 0 &&
    facts.lastAppendedAt !== progress.appendedAt
  ) {
    return refuse(
      `topic ${task.input} was made anew: record ${progress.last} of partition ${task.partition} was appended at ${time(facts.lastAppendedAt)}, the one that ${name} took at ${time(progress.appendedAt)}. If that was meant, start with --era ${progress.era + 1}: it reads from the start and keeps the states`,
    )
  } else if (next > input.end) {
    return refuse(
      `${name} is to go on at ${next}, but partition ${task.partition} of ${task.input} has offsets ${input.start} to ${input.end}. If the topic was made anew, start with --era ${progress.era + 1}`,
    )
  } else if (next < input.start) {
    if (!facts.acceptLoss) {
      return refuse(
        `${input.start - next} records are lost to ${name}: it is to go on at ${next}, and partition ${task.partition} of ${task.input} now starts at ${input.start} (ends at ${input.end}). To go on without them, start with --accept-loss`,
      )
    }
    next = input.start
  }
  if (progress.changelog >= changelog.end) {
    return refuse(
      `the changelog of ${name} ends at ${changelog.end}, and the commit names a marker at ${progress.changelog}: the changelog was made anew or cut. Give the job a new name, and let it read from the start`,
    )
  }
  const fits =
    store !== undefined &&
    store.history === progress.history &&
    store.newest <= progress.changelog &&
    store.complete <= progress.changelog &&
    facts.now - store.writtenAt <= storeAgeMsMax
  return {
    kind: 'resume',
    progress,
    discardStore: !fits,
    from: fits ? store.complete + 1 : changelog.start,
    next,
    anew,
  }
}

const refuse = (reason: string): TakeoverPlan => ({ kind: 'refuse', reason })
const time = (ms: number): string => new Date(ms).toISOString()
