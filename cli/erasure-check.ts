import { rememberedIn } from '../runtime/entity.ts'
import { type Erasure, erasedHash, parseErasure } from '../runtime/erased.ts'
import type { Log } from '../runtime/log.ts'
import { outputTopics } from '../runtime/outputs.ts'
import { rekeyedTopic } from '../runtime/rekeyed.ts'
import { jobsOf, keptMsOf } from '../serve/erasure-places.ts'
import { personRecords } from './person-records.ts'
import { topicRecords } from './topic-records.ts'
import { UserError } from './user-error.ts'

/** What was found in one place. */
export interface Looked {
  readonly place: string
  readonly finding: string
  /** ISO 8601: until then something of before the erasure may be there. */
  readonly until?: string
  /** Whether that is as it was promised. */
  readonly ok: boolean
}

export interface CheckOptions {
  readonly log: Log
  readonly input: string
  /** The id that was erased. */
  readonly user: string
  /** Those that are his, too. */
  readonly names: readonly string[]
  /** Epoch ms. */
  readonly now: number
  readonly signal: AbortSignal
}

const ERA_SIZE = 2 ** 44

/**
 * Looks in every topic that an erasure has to reach. Rejects with a `UserError` where nobody has been erased under
 * that id, as far as the topics tell.
 */
export async function checkErasure(options: CheckOptions): Promise<Looked[]> {
  const { log, input, user, signal } = options
  const jobs = await jobsOf(log, input)
  const erasures = new Map<string, Erasure>()
  for (const job of jobs) {
    const erasure = await erasureOf(log, job, user, options)
    if (erasure !== undefined) erasures.set(job, erasure)
  }
  const asked = [...erasures.values()].map(({ at }) => at)
  const at = Math.max(...asked, await eventAt(log, input, user, signal))
  if (!Number.isFinite(at)) {
    const where = jobs.length === 0 ? 'no job has read it' : `jobs that read it: ${jobs.join(', ')}`
    const message = `nobody was erased under that id in ${input} (${where}): erase with DELETE /v1/users/<id>, or give --input`
    throw new UserError('no_erasure', message)
  }
  const found: Looked[] = []
  for (const job of jobs) {
    found.push(taken(job, erasures.get(job), at))
    const { features, changelog, triggers, late, dead } = outputTopics(job)
    for (const topic of [features, changelog])
      found.push(await lookCompacted(topic, erasures.get(job), options))
    for (const topic of [triggers, late, dead, rekeyedTopic(job)])
      found.push(...(await lookRaw(topic, at, options)))
  }
  for (const topic of [input, `${input}.rejected`])
    found.push(...(await lookRaw(topic, at, options)))
  return found
}

function taken(job: string, erasure: Erasure | undefined, at: number): Looked {
  const place = `state of ${job}`
  if (erasure === undefined || erasure.at < at)
    return { place, finding: 'the job has not taken the erasure: is it running?', ok: false }
  return { place, finding: `erased ${isoOf(erasure.at)}`, ok: true }
}

async function erasureOf(
  log: Log,
  job: string,
  user: string,
  { input, signal }: CheckOptions,
): Promise<Erasure | undefined> {
  const hash = erasedHash(user)
  let newest: Erasure | undefined
  for await (const { key, value } of topicRecords(log, outputTopics(job).erased, { signal })) {
    if (key !== hash || value === null) continue
    const erasure = parseErasure(value.toString('utf8'))
    if (erasure?.input === input && erasure.at >= (newest?.at ?? 0)) newest = erasure
  }
  return newest
}

/** When it was last asked for, as the input says: jobs may not have taken it. */
async function eventAt(log: Log, input: string, user: string, signal: AbortSignal) {
  let at = Number.NEGATIVE_INFINITY
  for await (const { record, event } of personRecords(log, input, [user], signal))
    if (event?.type === 'delete' && (event.userId || event.key) === user)
      at = Math.max(at, record.timestamp)
  return at
}

/** The newest record of each name is a tombstone, or of what came after the erasure. */
async function lookCompacted(
  topic: string,
  erasure: Erasure | undefined,
  { log, names, signal }: CheckOptions,
): Promise<Looked> {
  const newest = new Map<string, number | null>()
  for await (const { key, value } of topicRecords(log, topic, { signal }))
    if (key !== null && names.includes(key))
      newest.set(key, value === null ? null : versionOf(topic, value))
  const erasedAt = erasure === undefined ? undefined : erasure.era * ERA_SIZE + erasure.offset
  const left = [...newest.values()].filter(version => version !== null)
  const before = left.filter(version => erasedAt === undefined || version <= erasedAt)
  if (before.length > 0)
    return { place: topic, finding: `holds ${before.length} of before the erasure`, ok: false }
  if (left.length > 0)
    return { place: topic, finding: 'he has come back since: of before is nothing there', ok: true }
  const finding = newest.size === 0 ? 'nothing' : 'a tombstone; compaction takes what was before it'
  return { place: topic, finding, ok: true }
}

/** Offset of the newest event in a row or a state, with its era. What cannot be read is old. */
function versionOf(topic: string, value: Buffer): number {
  try {
    if (!topic.endsWith(outputTopics('').features)) return rememberedIn(value).offset
    return Number((JSON.parse(value.toString('utf8')) as { version: unknown[] }).version[0])
  } catch {
    return -1 // somebody else's: a person has to look
  }
}

/** Records of before may be there for as long as the topic keeps any. */
async function lookRaw(
  topic: string,
  at: number,
  { log, names, now, signal }: CheckOptions,
): Promise<Looked[]> {
  const description = await log.topics.describe(topic)
  if (description === undefined) return []
  let before = 0
  let since = 0
  for await (const { record } of personRecords(log, topic, names, signal)) {
    if (record.timestamp <= at) before++
    else since++
  }
  const later = since === 0 ? '' : `; ${since} since`
  if (before === 0) return [{ place: topic, finding: `nothing of before${later}`, ok: true }]
  const keptMs = keptMsOf(description.config)
  const finding = `${before} of before or the erasure itself${later}`
  if (keptMs === undefined)
    return [{ place: topic, finding: `${finding}; it keeps them for ever`, ok: false }]
  const until = isoOf(at + keptMs)
  return [{ place: topic, finding, until, ok: now <= at + keptMs }]
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
