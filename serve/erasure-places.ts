import type { Log, TopicDescription } from '../runtime/log.ts'

/** Somewhere that holds, or may hold, what is known of a person, and how it leaves there. */
export interface Place {
  /** A topic, or what else it is. */
  readonly place: string
  /**
   * `tombstone`: a record that says so stands in for it, and the broker's compaction takes what was before;
   * `retention`: it leaves with the topic's oldest records; `follows`: with the topics that it is made from;
   * `rotation`: with the files of its days; `by hand`: when a person takes it away.
   */
  readonly how: 'tombstone' | 'retention' | 'follows' | 'rotation' | 'by hand'
  /** ISO 8601: by then nothing is left there; `null` where no setting bounds it, which `note` explains. */
  readonly emptyBy: string | null
  readonly note: string
}

export interface PlacesOptions {
  readonly log: Log
  /** What the jobs read. */
  readonly input: string
  /** Epoch ms of the erasure. */
  readonly at: number
  /** How many days the log of reads is kept; `undefined`: there is none. */
  readonly auditDays: number | undefined
}

/** What a job makes of the names of its topics (see runtime/outputs.ts), as far as it holds people. */
const compacted = ['changelog', 'features'] as const
const deleted = ['triggers', 'late', 'dead', 'rekeyed'] as const
const ERASED = '.erased'
const PARTITIONS_MAX = 100_000
const ASKED_AT_ONCE = 8
/** Brokers look for what is old every five minutes. */
const LOOK_MS = 300_000
const DAY_MS = 86_400_000
/** Kafka's word for never is 2^63 - 1. */
const NEVER_MS = 100 * 365 * DAY_MS

/**
 * All places, and the time by which each is empty, from the settings that the topics have now. Rejects with a
 * `LogError`.
 */
export async function erasurePlaces({
  log,
  input,
  at,
  auditDays,
}: PlacesOptions): Promise<Place[]> {
  const places: Place[] = []
  const add = async (topic: string, of: (found: TopicDescription) => Place) => {
    const found = await log.topics.describe(topic)
    if (found !== undefined) places.push(of(found))
  }
  for (const job of await jobsOf(log, input)) {
    places.push({
      ...{ place: `state of job ${job}`, how: 'tombstone', emptyBy: null },
      note: 'gone with the commit that takes the event: a moment after, while the job runs',
    })
    for (const end of compacted) await add(`${job}.${end}`, topic => compactedPlace(topic, at))
    for (const end of deleted) await add(`${job}.${end}`, topic => deletedPlace(topic, at))
  }
  for (const topic of [input, `${input}.rejected`])
    await add(topic, found => deletedPlace(found, at))
  places.push(
    {
      ...{ place: 'views and caches of serve', how: 'follows', emptyBy: null },
      note: 'gone as soon as they have read the tombstone: a moment after, while the brokers are in touch',
    },
    {
      ...{ place: 'spool of collect', how: 'follows', emptyBy: null },
      note: 'what waits there goes to the topics once the brokers take it; that is then newer than this erasure, so erase again',
    },
    {
      ...{ place: 'what collect has set aside', how: 'by hand', emptyBy: null },
      note: 'records that no topic took, in the folders named refused beside the spools: millrace rejected list shows them, and a person removes them',
    },
  )
  if (auditDays !== undefined) places.push(auditPlace(auditDays, at))
  return places
}

/** Jobs that have read from the input: each has a list of who was erased, and a group with its offsets. */
export async function jobsOf(log: Log, input: string): Promise<string[]> {
  const names = await log.topics.names()
  const jobs = names
    .filter(name => name.endsWith(ERASED))
    .map(name => name.slice(0, -ERASED.length))
  if (!names.includes(input)) return []
  const count = Math.min(PARTITIONS_MAX, (await log.topics.ranges(input)).length)
  const partitions = Array.from({ length: count }, (_, partition) => partition)
  const readers: string[] = []
  const ask = async (job: string) => {
    const committed = await log.committed(`${job}.commits`, input, partitions)
    if (committed.some(each => each !== undefined)) readers.push(job)
  }
  // A cluster of many teams has hundreds, and each is a question to its group's broker.
  for (let at = 0; at < jobs.length; at += ASKED_AT_ONCE)
    await Promise.all(jobs.slice(at, at + ASKED_AT_ONCE).map(ask))
  return readers.sort()
}

function compactedPlace({ topic, config }: TopicDescription, at: number): Place {
  const lagMs = msOf(config['max.compaction.lag.ms'])
  const note =
    lagMs === undefined
      ? 'readers see the tombstone a moment after; the bytes before it stay until the broker compacts, which max.compaction.lag.ms would bound'
      : 'readers see the tombstone a moment after; the bytes before it go when the broker compacts, while the partition gets records'
  const emptyBy = lagMs === undefined ? null : isoOf(at + lagMs + LOOK_MS)
  return { place: topic, how: 'tombstone', emptyBy, note }
}

function deletedPlace({ topic, config }: TopicDescription, at: number): Place {
  const keptMs = keptMsOf(config)
  if (keptMs !== undefined)
    return {
      ...{ place: topic, how: 'retention', emptyBy: isoOf(at + keptMs) },
      note: `records of before stay for retention.ms, and until the rest of their segment is as old`,
    }
  return {
    ...{ place: topic, how: 'retention', emptyBy: null },
    note: 'it has no retention.ms, or is compacted: set cleanup.policy=delete and retention.ms',
  }
}

/**
 * How long after its append a record can still be read, ms: a segment goes when its newest record is old enough, and
 * takes records for `segment.ms`. `undefined`: for ever.
 */
export function keptMsOf(config: TopicDescription['config']): number | undefined {
  if (config['cleanup.policy'] === 'compact') return undefined
  const retentionMs = msOf(config['retention.ms'])
  const segmentMs = msOf(config['segment.ms'])
  if (retentionMs === undefined || segmentMs === undefined) return undefined
  return retentionMs + segmentMs + LOOK_MS
}

function auditPlace(days: number, at: number): Place {
  return {
    ...{ place: 'audit log of serve', how: 'rotation', emptyBy: isoOf(at + (days + 2) * DAY_MS) },
    note: 'it says who read what of whom, and not what that was; it is kept as the proof of that',
  }
}

function msOf(setting: string | undefined): number | undefined {
  const ms = Number(setting ?? Number.NaN)
  return Number.isFinite(ms) && ms >= 0 && ms < NEVER_MS ? ms : undefined
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
