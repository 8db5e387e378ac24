import { type Fault, wrong } from './fault.ts'
import { readIso, writeIso } from './iso-time.ts'

const earliest = Date.UTC(2000)

/**
 * When an event happened, by the clock of this machine, epoch ms:
 * `receivedAt − (sentAt − original)`, as Segment has it, so that a device whose clock is wrong still says how long
 * before sending it happened. Without `sentAt` the device is believed. Nothing has happened after it came, nor before
 * the year 2000. Without a time of its own an event happened when it came.
 *
 * @param original what the sender gave as the time of the event
 * @param sentAt what the sender gave as the time of sending; no time: as if it were not there
 * @param path of `original`, for the fault
 */
export function eventTime(
  original: unknown,
  sentAt: unknown,
  receivedAt: number,
  path: string,
): number | Fault {
  if (original === undefined || original === null) return receivedAt
  const said = timeOf(original)
  if (said === undefined) {
    return wrong('no_time', path, 'an ISO 8601 time or epoch milliseconds', original)
  }
  const sent = timeOf(sentAt)
  const time = Math.min(sent === undefined ? said : receivedAt - (sent - said), receivedAt)
  if (time >= earliest) return time
  const seconds = typeof original === 'number' && original * 1000 >= earliest
  const hint = seconds ? '; it may be seconds, and milliseconds are wanted' : ''
  return {
    code: 'no_time',
    path,
    reason: `expected a time in 2000 or later, got an earlier one${hint}`,
  }
}

/** Epoch ms of an ISO 8601 string (UTC when it names no zone), of a number of ms, of a Date. */
export function timeOf(value: unknown): number | undefined {
  if (typeof value === 'string') return readIso(value) ?? timeOfText(value)
  const ms = value instanceof Date ? value.getTime() : value
  return typeof ms === 'number' && Math.abs(ms) < 8.64e15 ? Math.floor(ms) : undefined
}

const isoTime =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?([.,]\d+)?)? ?(?:([Zz]|UTC)|([+-]\d\d):?(\d\d)?)?$/

/** JavaScript alone would find a time in `a 7`, and read a time without a zone in the zone of this machine. */
function timeOfText(text: string): number | undefined {
  if (text.length > TIME_CHARS_MAX) return undefined
  const parts = isoTime.exec(text)
  if (parts === null) return undefined
  const [, day, minute = '00:00', second = ':00', fraction = '', , hours, minutes = '00'] = parts
  const zone = hours === undefined ? 'Z' : `${hours}:${minutes}`
  const time = Date.parse(`${day}T${minute}${second}${fraction.replace(',', '.')}${zone}`)
  return Number.isNaN(time) ? undefined : time
}

const TIME_CHARS_MAX = 64

/** ISO 8601; `said`, when it is that already: most events come with a time that stands. */
export function isoOf(time: number, said: unknown): string {
  return typeof said === 'string' && readIso(said) === time ? said : writeIso(time)
}
