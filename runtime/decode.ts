import { Unpackr } from 'msgpackr'
import type { Event } from '../jobs/event.ts'

/** A record that cannot become an event. `code` is stable and names the reason in the dead-letter topic. */
export class BadRecord extends Error {
  override readonly name = 'BadRecord'
  readonly code: BadRecordCode

  constructor(code: BadRecordCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

export type BadRecordCode =
  | 'not_decodable'
  | 'not_an_event'
  | 'no_user'
  | 'no_time'
  | 'too_large'
  | 'wrong_partition'
  | 'state_too_large'
  | 'kills_lane'
  | 'kills_process'

export const eventBytesMax = 1024 * 1024
export const userIdCharsMax = 1024
const futureMsMax = 5 * 60_000
const earliest = Date.UTC(2000)

const unpackr = new Unpackr({ mapsAsObjects: true, useRecords: true, int64AsType: 'number' })
const none: Readonly<Record<string, unknown>> = Object.freeze({})

/**
 * A record's value as an event. The first byte tells the format: `{` JSON, 0x00 Confluent framing, else
 * msgpack. `appendedAt` (the record's timestamp, epoch ms) bounds an event's time from above: one phone
 * with a wrong clock must not move time for everybody.
 *
 * @throws BadRecord
 */
export function decodeEvent(value: Buffer | null, appendedAt: number): Event {
  const raw = parse(value)
  return {
    messageId: typeof raw.messageId === 'string' ? raw.messageId : '',
    type: typeof raw.type === 'string' ? raw.type : 'track',
    event: typeof raw.event === 'string' ? raw.event : '',
    userId: userIdOf(raw.userId),
    anonymousId: typeof raw.anonymousId === 'string' ? raw.anonymousId : undefined,
    timestamp: Math.min(eventTime(raw.timestamp), appendedAt + futureMsMax),
    sentAt: timeOrNothing(raw.sentAt),
    receivedAt: timeOrNothing(raw.receivedAt),
    properties: objectOrNone(raw.properties),
    traits: objectOrNone(raw.traits),
    context: objectOrNone(raw.context),
  }
}

function userIdOf(raw: unknown): string {
  const userId = typeof raw === 'number' ? String(raw) : raw
  const fault = (found: string) =>
    new BadRecord(
      'no_user',
      `userId: expected a non-empty string of at most ${userIdCharsMax} characters, got ${found}; events without a user cannot be kept`,
    )
  if (typeof userId !== 'string' || userId === '') throw fault(kindOf(raw))
  if (userId.length > userIdCharsMax) throw fault(`${userId.length} characters`)
  // Two lone surrogates are one key as UTF-8, and a leading NUL is for keys of our own.
  if (userId.charCodeAt(0) === 0 || !userId.isWellFormed())
    throw fault('one that is no proper text')
  return userId
}

function parse(value: Buffer | null): Record<string, unknown> {
  if (value === null || value.length === 0)
    throw new BadRecord('not_decodable', 'the record has no value')
  if (value.length > eventBytesMax) {
    throw new BadRecord(
      'too_large',
      `an event has at most ${eventBytesMax} bytes, this one ${value.length}`,
    )
  }
  const first = value[0]
  if (first === 0x00) {
    throw new BadRecord(
      'not_decodable',
      'the value has Confluent framing (first byte 0x00), and no schema registry is configured; send JSON or msgpack',
    )
  }
  let decoded: unknown
  try {
    decoded = first === 0x7b ? JSON.parse(value.toString('utf8')) : unpackr.unpack(value)
  } catch (error) {
    const format = first === 0x7b ? 'JSON' : 'msgpack'
    throw new BadRecord(
      'not_decodable',
      `the value is not ${format} as its first byte says: ${(error as Error).message.slice(0, 200)}`,
      error,
    )
  }
  if (typeof decoded !== 'object' || decoded === null || Array.isArray(decoded)) {
    throw new BadRecord(
      'not_an_event',
      `expected an object with userId and timestamp, got ${kindOf(decoded)}`,
    )
  }
  return decoded as Record<string, unknown>
}

function eventTime(timestamp: unknown): number {
  const time = timeOrNothing(timestamp)
  if (time === undefined) {
    throw new BadRecord(
      'no_time',
      `timestamp: expected an ISO 8601 string or epoch milliseconds, got ${kindOf(timestamp)}`,
    )
  }
  if (time < earliest)
    throw new BadRecord(
      'no_time',
      `timestamp: expected a time in 2000 or later, got ${new Date(time).toISOString()}`,
    )
  return time
}

/** Epoch ms of an ISO string, a number of ms, or msgpack's own timestamp. */
function timeOrNothing(time: unknown): number | undefined {
  const ms =
    typeof time === 'string' ? Date.parse(time) : time instanceof Date ? time.getTime() : time
  return typeof ms === 'number' && Number.isFinite(ms) && Math.abs(ms) < 8.64e15
    ? Math.floor(ms)
    : undefined
}

function objectOrNone(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : none
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : value === '' ? 'an empty string' : `a ${typeof value}`
}
