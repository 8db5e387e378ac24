import { type FailedEvent, unpackFailed } from '../collect/failed-event.ts'
import type { Event } from '../jobs/event.ts'
import { BadRecord, decodeEvent } from '../runtime/decode.ts'
import type { Log } from '../runtime/log.ts'
import { type TopicRecord, topicRecords } from './topic-records.ts'

/** A record that is of one of the persons that were asked for, or names one. */
export interface PersonRecord {
  readonly topic: string
  readonly record: TopicRecord
  /** `undefined` where the value is no event, or one that cannot be read. */
  readonly event: Event | undefined
  /** Of `events.rejected`. */
  readonly failed: FailedEvent | undefined
}

/** A person may be many: so many names are looked for. */
export const NAMES_MAX = 1_000

/**
 * The records of a topic that are kept under one of the names (ids of a user, or of his devices before he was known),
 * or are events of one, also rejected ones. Reads the topic once, and keeps nothing.
 */
export async function* personRecords(
  log: Log,
  topic: string,
  names: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<PersonRecord> {
  const wanted = new Set(names)
  const bytes = names.flatMap(name => [Buffer.from(name), Buffer.from(inJson(name))])
  for await (const record of topicRecords(log, topic, { signal })) {
    const { key, value } = record
    const isKey = key !== null && wanted.has(key)
    // Most records are of others, which this tells without reading them.
    if (!isKey && (value === null || !bytes.some(name => value.includes(name)))) continue
    const event = value === null ? undefined : eventOf(record, value)
    const failed = event === undefined ? failedOf(record) : undefined
    if (isKey || (event && isOf(event, wanted)) || (failed && isOfFailed(failed, wanted)))
      yield { topic, record, event, failed }
  }
  signal.throwIfAborted()
}

/** Besides the user's own id those under which events came before he was known, as far as the input still tells. */
export async function namesOf(
  log: Log,
  input: string,
  user: string,
  signal: AbortSignal,
): Promise<string[]> {
  const names = new Set([user])
  for await (const { event } of personRecords(log, input, [user], signal)) {
    const isLink = event?.type === 'identify' || event?.type === 'alias'
    if (isLink && event.userId === user && event.anonymousId) names.add(event.anonymousId)
    if (names.size >= NAMES_MAX) break
  }
  return [...names]
}

function isOf({ key, userId, anonymousId = '' }: Event, wanted: ReadonlySet<string>): boolean {
  return wanted.has(key) || wanted.has(userId) || wanted.has(anonymousId)
}

function eventOf({ key, timestamp }: TopicRecord, value: Buffer): Event | undefined {
  try {
    return decodeEvent(value, timestamp, key || 'nobody')
  } catch (error) {
    if (error instanceof BadRecord) return undefined
    throw error
  }
}

/** Rejected events have no key. */
function failedOf({ key, value }: TopicRecord): FailedEvent | undefined {
  if (key !== null || value === null) return undefined
  try {
    return unpackFailed(value)
  } catch (error) {
    if (error instanceof Error) return undefined // somebody else's
    throw error
  }
}

/** Of what was cut, holding the name is enough: one too many is shown rather than one too few. */
function isOfFailed({ payload }: FailedEvent, wanted: ReadonlySet<string>): boolean {
  try {
    const { userId, anonymousId, previousId } = JSON.parse(payload) as Record<string, unknown>
    return [userId, anonymousId, previousId].some(id => wanted.has(String(id)))
  } catch {
    return [...wanted].some(name => payload.includes(`"${inJson(name)}"`))
  }
}

function inJson(name: string): string {
  return JSON.stringify(name).slice(1, -1)
}
