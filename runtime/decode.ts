import { Unpackr } from 'msgpackr'
import type { Event } from '../jobs/event.ts'
import type { RecordReader } from '../protocol/record-batch.ts'
import { DecodedEvent } from './decoded-event.ts'
import { JsonFields } from './json-fields.ts'
import { MsgpackFields } from './msgpack-fields.ts'
import { noFields, RawEvent } from './raw-event.ts'

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
  | 'unknown_schema'
  | 'schema_failed'
  | 'no_user'
  | 'no_time'
  | 'too_large'
  | 'wrong_partition'
  | 'state_too_large'
  | 'kills_lane'
  | 'kills_process'
  | 'reserved_type'
  | 'too_many_sources'

export const eventBytesMax = 1024 * 1024
/** Of a user's id, and of any other key. */
export const userIdCharsMax = 1024
const OPEN_BRACE = 0x7b
const futureMsMax = 5 * 60_000
const earliest = Date.UTC(2000)

/** Types of events that only the runtime's own rekeyed records may have: anybody can write to an input. */
const reservedTypes = new Set(['link', 'merge'])

const unpackr = new Unpackr({ mapsAsObjects: true, useRecords: true, int64AsType: 'number' })
const jsonFields = new JsonFields()
const msgpackFields = new MsgpackFields()
/** Of the event in hand. */
const raw = new RawEvent()

/**
 * A record's value as an event. The first byte tells the format: `{` JSON, 0x00 Confluent framing, else
 * msgpack. `appendedAt` (the record's timestamp, epoch ms) bounds an event's time from above: one phone
 * with a wrong clock must not move time for everybody. `rekeyedTo`: of a rekeyed record its key, which needs no user.
 * `framed` reads values with Confluent framing; without it there is no schema registry.
 *
 * @throws BadRecord
 */
export function decodeEvent(
  value: Buffer | null,
  appendedAt: number,
  rekeyedTo?: string | null,
  framed?: (value: Buffer) => unknown,
): Event {
  if (value === null) throw noValue()
  return decode(value, 0, value.length, appendedAt, rekeyedTo, framed)
}

/** The same for a record, from where it lies. */
export function decodeRecord(
  record: RecordReader,
  rekeyedTo?: string | null,
  framed?: (value: Buffer) => unknown,
): Event {
  const { source, valueStart, valueEnd, timestamp } = record
  return decode(source, valueStart, valueEnd, timestamp, rekeyedTo, framed)
}

function decode(
  bytes: Buffer,
  start: number,
  end: number,
  appendedAt: number,
  rekeyedTo: string | null | undefined,
  framed: ((value: Buffer) => unknown) | undefined,
): Event {
  if (start >= end) throw noValue()
  if (end - start > eventBytesMax) throw tooLarge(end - start)
  const quick = bytes[start] === OPEN_BRACE ? jsonFields : msgpackFields
  if (!quick.read(bytes, start, end, raw)) readObject(parse(bytes.subarray(start, end), framed))
  const type = typeof raw.type === 'string' ? raw.type : 'track'
  const before = raw.anonymousId ?? (type === 'alias' ? raw.previousId : undefined)
  const anonymousId = typeof before === 'string' ? before : undefined
  const userId = textOf(raw.userId)
  const rekeyed = rekeyedTo !== undefined
  if (!rekeyed && reservedTypes.has(type))
    throw new BadRecord('reserved_type', `type "${type}" is for what jobs send to other keys`)
  const head = {
    key: rekeyed
      ? checked('key', rekeyedTo, rekeyedTo ?? '')
      : directKey(raw.userId, userId, anonymousId),
    messageId: typeof raw.messageId === 'string' ? raw.messageId : '',
    type,
    event: typeof raw.event === 'string' ? raw.event : '',
    userId,
    anonymousId,
    timestamp: Math.min(eventTime(raw.timestamp), appendedAt + futureMsMax),
    sentAt: timeOrNothing(raw.sentAt),
    receivedAt: timeOrNothing(raw.receivedAt),
    state: rekeyed && raw.state instanceof Uint8Array ? raw.state : undefined,
  }
  return new DecodedEvent(head, raw.parts)
}

/** An event as a producer sends it belongs to a user, or to somebody who is not known yet. */
function directKey(sent: unknown, userId: string, anonymousId: string | undefined): string {
  const known = sent !== undefined && sent !== null && sent !== ''
  if (known || anonymousId === undefined) return checked('userId', sent, userId)
  return checked('anonymousId', anonymousId, anonymousId)
}

function checked(name: string, raw: unknown, key: string): string {
  const fault = key === '' ? kindOf(raw) : keyFault(key)
  if (fault === undefined) return key
  throw new BadRecord(
    'no_user',
    `${name}: expected a non-empty string of at most ${userIdCharsMax} characters, got ${fault}; events without a user cannot be kept`,
  )
}

/** What is wrong with a key; `undefined`: nothing. */
export function keyFault(key: string): string | undefined {
  if (key === '') return 'an empty string'
  if (key.length > userIdCharsMax) return `${key.length} characters`
  // Two lone surrogates are one key as UTF-8, and a leading NUL is for keys of our own.
  if (key.charCodeAt(0) === 0 || !key.isWellFormed()) return 'one that is no proper text'
  return undefined
}

function textOf(raw: unknown): string {
  return typeof raw === 'string' ? raw : typeof raw === 'number' ? String(raw) : ''
}

/** The general way, by the libraries. */
function parse(
  value: Buffer,
  framed: ((value: Buffer) => unknown) | undefined,
): Record<string, unknown> {
  const decoded = value[0] === 0x00 ? readFramed(value, framed) : unpack(value)
  if (typeof decoded !== 'object' || decoded === null || Array.isArray(decoded)) {
    throw new BadRecord(
      'not_an_event',
      `expected an object with userId and timestamp, got ${kindOf(decoded)}`,
    )
  }
  return decoded as Record<string, unknown>
}

function readObject(sent: Record<string, unknown>): void {
  raw.messageId = sent.messageId
  raw.type = sent.type
  raw.event = sent.event
  raw.userId = sent.userId
  raw.anonymousId = sent.anonymousId
  raw.previousId = sent.previousId
  raw.timestamp = sent.timestamp
  raw.sentAt = sent.sentAt
  raw.receivedAt = sent.receivedAt
  raw.state = sent.state
  raw.parts = {
    properties: objectOrNone(sent.properties),
    traits: objectOrNone(sent.traits),
    context: objectOrNone(sent.context),
  }
}

function readFramed(value: Buffer, framed: ((value: Buffer) => unknown) | undefined): unknown {
  if (framed) return framed(value)
  throw new BadRecord(
    'not_decodable',
    'the value has Confluent framing (first byte 0x00), and there is no --schema-registry; give one, or send JSON or msgpack',
  )
}

function unpack(value: Buffer): unknown {
  const isJson = value[0] === OPEN_BRACE
  try {
    return isJson ? JSON.parse(value.toString('utf8')) : unpackr.unpack(value)
  } catch (error) {
    throw new BadRecord(
      'not_decodable',
      `the value is not ${isJson ? 'JSON' : 'msgpack'} as its first byte says: ${(error as Error).message.slice(0, 200)}`,
      error,
    )
  }
}

function noValue(): BadRecord {
  return new BadRecord('not_decodable', 'the record has no value')
}

function tooLarge(bytes: number): BadRecord {
  return new BadRecord(
    'too_large',
    `an event has at most ${eventBytesMax} bytes, this one ${bytes}`,
  )
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
    : noFields
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : value === '' ? 'an empty string' : `a ${typeof value}`
}
