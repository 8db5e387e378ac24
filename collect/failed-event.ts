import { Packr, Unpackr } from 'msgpackr'
import { type Fault, isObject } from './fault.ts'
import type { Arrival, RejectionCode } from './intake.ts'

/**
 * What lies on `events.rejected`: an event that was not taken, why, and all that is needed to take it after all once
 * the cause is mended. The value is msgpack, a map with these names; the record has no key. The write key is not in it.
 */
export interface FailedEvent {
  /** Of this shape: 1. */
  readonly version: 1
  readonly code: RejectionCode
  /** Where in the event; '' for all of it. */
  readonly path: string
  readonly reason: string
  /** Name of the write key. */
  readonly source: string
  /** Whether that refuses events without consent. */
  readonly requireConsent?: true
  /** ISO 8601. */
  readonly receivedAt: string
  /** What the batch said, when it did. */
  readonly sentAt?: unknown
  readonly ip?: string
  readonly userAgent?: string
  /** The event as it came, as JSON text; its first characters only when `cut`. */
  readonly payload: string
  /** Whether the payload is not whole: it was larger than `PAYLOAD_BYTES_MAX`, or nested too deeply to be written. */
  readonly cut: boolean
}

/**
 * Of the payload in UTF-8. As large as a batch by default, so that an event that came alone is kept whole; and with
 * the rest far below the 1 MB that brokers take by default, since one that they refuse would keep all behind it waiting.
 */
export const PAYLOAD_BYTES_MAX = 512_000
/** No time is longer. The batch's is on each of its failed events. */
const SENT_AT_CHARS_MAX = 64
/** Keys stand in it, and may be as long as a batch. */
const PATH_CHARS_MAX = 512

const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ useRecords: false })

export function packFailed(fault: Fault, event: unknown, arrival: Arrival): Buffer {
  const { source, receivedAt, sentAt, ip, userAgent } = arrival
  const text = textOf(event)
  const payload = start(text ?? '')
  const failed: FailedEvent = {
    version: 1,
    code: fault.code,
    path: fault.path.slice(0, PATH_CHARS_MAX).toWellFormed(),
    reason: fault.reason,
    source: source.name,
    ...(source.requireConsent && { requireConsent: true as const }),
    receivedAt: new Date(receivedAt).toISOString(),
    ...(isTime(sentAt) && { sentAt }),
    ...(ip !== undefined && { ip }),
    ...(userAgent !== undefined && { userAgent }),
    payload,
    cut: text === undefined || payload.length < text.length,
  }
  return packr.pack(failed)
}

/** Of a record's value. Throws an `Error` for what is no failed event of version 1. */
export function unpackFailed(value: Uint8Array): FailedEvent {
  const failed = unpackr.unpack(value) as Partial<FailedEvent> | null
  if (failed?.version === 1 && typeof failed.payload === 'string') return failed as FailedEvent
  throw new Error(
    'expected a failed event of version 1, as collect writes it; this is another value',
  )
}

/** `undefined` for what is nested so deeply that writing it would not end well. */
function textOf(event: unknown): string | undefined {
  const { writeKey: _, ...rest } = isObject(event) ? event : { writeKey: undefined }
  try {
    return JSON.stringify(isObject(event) ? rest : event) ?? ''
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** What fits of it, without half a character at its end. */
function start(text: string): string {
  const wellFormed = text.toWellFormed()
  if (Buffer.byteLength(wellFormed) <= PAYLOAD_BYTES_MAX) return wellFormed
  const { read } = new TextEncoder().encodeInto(wellFormed, new Uint8Array(PAYLOAD_BYTES_MAX))
  return wellFormed.slice(0, read)
}

function isTime(sentAt: unknown): sentAt is string | number {
  return (
    typeof sentAt === 'number' || (typeof sentAt === 'string' && sentAt.length <= SENT_AT_CHARS_MAX)
  )
}
