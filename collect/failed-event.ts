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
  /** Whether the payload is not whole: it was larger than `PAYLOAD_CHARS_MAX`, or nested too deeply to be written. */
  readonly cut: boolean
}

/** As large as a batch by default, so that an event that came alone is kept whole. */
export const PAYLOAD_CHARS_MAX = 512_000

const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ useRecords: false })

export function packFailed(fault: Fault, event: unknown, arrival: Arrival): Buffer {
  const { source, receivedAt, sentAt, ip, userAgent } = arrival
  const text = textOf(event)
  const failed: FailedEvent = {
    version: 1,
    code: fault.code,
    path: fault.path,
    reason: fault.reason,
    source: source.name,
    ...(source.requireConsent && { requireConsent: true as const }),
    receivedAt: new Date(receivedAt).toISOString(),
    ...(sentAt !== undefined && { sentAt: plain(sentAt) }),
    ...(ip !== undefined && { ip }),
    ...(userAgent !== undefined && { userAgent }),
    payload: text?.slice(0, PAYLOAD_CHARS_MAX).toWellFormed() ?? '',
    cut: text === undefined || text.length > PAYLOAD_CHARS_MAX,
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

function plain(sentAt: unknown): unknown {
  return typeof sentAt === 'string' || typeof sentAt === 'number' ? sentAt : undefined
}
