import type { Job } from '../jobs/job.ts'
import { type Log, LogError, type TopicDescription, type TopicSpec } from './log.ts'
import { outputTopics } from './outputs.ts'
import { rekeyedTopic } from './rekeyed.ts'

const day = 24 * 3600 * 1000
/** Tombstones stay readable for so long; local stores older than that less a day are thrown away. */
const tombstoneMs = 7 * day
/** A segment goes whole, when its newest record is old enough: with one for each day, no record stays longer than eight. */
const deleted = {
  'cleanup.policy': 'delete',
  'retention.ms': String(7 * day),
  'segment.ms': String(day),
}
/** Without a largest lag Kafka promises no time by which what a tombstone erases has left the disk. */
const compacted = {
  'cleanup.policy': 'compact',
  'delete.retention.ms': String(tombstoneMs),
  'max.compaction.lag.ms': String(7 * day),
}

/** How an input is made: its append times are the broker's, so one wrong clock cannot move time. */
export const inputSpec = (topic: string, partitions: number, replication: number): TopicSpec => ({
  topic,
  partitions,
  replication,
  config: { ...deleted, 'message.timestamp.type': 'LogAppendTime' },
})

/**
 * Makes the job's output topics where they are missing, and checks all of them. Answers how many partitions
 * they have. Rejects with a `LogError` that names the topic, what is wrong with it, and the remedy.
 */
export async function prepareTopics(
  log: Log,
  job: Job,
  replication: number,
  warn: (message: string) => void,
): Promise<number> {
  const targets = job.rekeys ?? []
  const outputs = outputSpecs(job, 1, replication).map(({ topic }) => topic)
  const described = await describedBy(log, [job.input, ...targets, ...outputs])
  const input = described.get(job.input)
  if (!input) {
    throw new LogError(
      'unknown-topic',
      `topic ${job.input}, the input of job ${job.name}, does not exist: create it, or start with --create-input`,
    )
  }
  if (/compact/.test(input.config['cleanup.policy'] ?? '')) {
    throw new LogError(
      'refused',
      `topic ${job.input} is compacted, so events would vanish from it: set its cleanup.policy to delete`,
    )
  }
  if (input.config['message.timestamp.type'] === 'CreateTime') {
    warn(
      `topic ${job.input} has CreateTime: its producers' clocks bound event times. Set message.timestamp.type to LogAppendTime`,
    )
  }
  for (const target of targets) checkTarget(job, target, described.get(target))
  const missing = outputs.filter(topic => !described.has(topic))
  if (missing.length > 0) {
    await log.topics.create(outputSpecs(job, input.partitions, replication))
    for (const [topic, made] of await describedBy(log, missing)) described.set(topic, made)
  }
  checkCounts(job, new Map(Array.from(described, ([topic, { partitions }]) => [topic, partitions])))
  const { changelog, features, erased } = outputTopics(job.name)
  checkRemembers(erased, described.get(erased))
  for (const topic of [changelog, features]) checkCompacted(topic, described.get(topic))
  return input.partitions
}

/** Those of the topics that exist. */
async function describedBy(
  log: Log,
  topics: readonly string[],
): Promise<Map<string, TopicDescription>> {
  const found = await log.topics.describeAll(topics)
  return new Map(found.flatMap(each => (each ? [[each.topic, each] as const] : [])))
}

/** The number of partitions of the input; rejects when an output has another one. */
export async function checkPartitions(log: Log, job: Job): Promise<number> {
  return checkCounts(job, await log.topics.counts())
}

function checkCounts(job: Job, counts: ReadonlyMap<string, number>): number {
  const countOf = (topic: string) => {
    const count = counts.get(topic)
    if (count === undefined)
      throw new LogError('unknown-topic', `topic ${topic} does not exist: it was deleted just now`)
    return count
  }
  const expected = countOf(job.input)
  for (const { topic } of outputSpecs(job, expected, 1)) {
    const found = countOf(topic)
    if (found !== expected) {
      throw new LogError(
        'refused',
        `topic ${topic} has ${found} partitions, the input ${job.input} has ${expected}: users would be split. Give the job a new name, and let it read from the start`,
      )
    }
  }
  return expected
}

function outputSpecs(job: Job, partitions: number, replication: number): TopicSpec[] {
  const { features, changelog, triggers, late, dead, erased } = outputTopics(job.name)
  const rekeyed = job.rekeys === undefined ? [] : [rekeyedTopic(job.name)]
  return [
    ...[features, changelog, erased].map(topic => ({
      topic,
      partitions,
      replication,
      config: compacted,
    })),
    ...[triggers, late, dead, ...rekeyed].map(topic => ({
      topic,
      partitions,
      replication,
      config: deleted,
    })),
  ]
}

function checkTarget(job: Job, target: string, found: TopicDescription | undefined): void {
  if (!found) {
    throw new LogError(
      'unknown-topic',
      `topic ${target}, to which job ${job.name} rekeys, does not exist: start the job that reads it first, with --create-input`,
    )
  }
  if (/compact/.test(found.config['cleanup.policy'] ?? '')) {
    throw new LogError(
      'refused',
      `topic ${target}, to which job ${job.name} rekeys, is compacted, so events would vanish from it: set its cleanup.policy to delete`,
    )
  }
}

/** That it is compacted is what matters: a person may let it forget by time besides. */
function checkRemembers(topic: string, description: TopicDescription | undefined): void {
  const policy = description?.config['cleanup.policy'] ?? ''
  if (/compact/.test(policy)) return
  throw new LogError(
    'refused',
    `topic ${topic} has cleanup.policy ${policy}, and would forget who was erased: set it to compact`,
  )
}

function checkCompacted(topic: string, description: TopicDescription | undefined): void {
  const { 'cleanup.policy': policy, 'delete.retention.ms': retention } = description?.config ?? {}
  if (policy !== 'compact') {
    throw new LogError(
      'refused',
      `topic ${topic} has cleanup.policy ${policy}, and would lose states: set it to compact`,
    )
  }
  if (Number(retention) < tombstoneMs) {
    throw new LogError(
      'refused',
      `topic ${topic} has delete.retention.ms ${retention}, less than seven days: a store could miss a deletion. Set it to ${tombstoneMs}`,
    )
  }
}
