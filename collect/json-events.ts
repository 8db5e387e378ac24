import { isAscii, isUtf8 } from 'node:buffer'
import { JSON_DEPTH_MAX, parseJson } from '../http/json.ts'
import type { EventPacker, PackMoment } from './event-packer.ts'
import { isObject } from './fault.ts'

/** The events of a batch, or one alone, as JSON. */
export interface JsonEvents {
  /** UTF-8. */
  readonly body: Buffer
  /** Where the first begins, and where what comes after the last does. */
  readonly from: number
  readonly to: number
  /** What a batch says of all its events. */
  readonly sentAt?: string | undefined
  readonly writeKey?: string | undefined
  /** It is one event alone, posted where those of this type are: its own, where it names none. */
  readonly typeOfPath?: string
}

const OPEN = 0x7b
const COMMA = 0x2c
const QUOTE = 0x22
const BACKSLASH = 0x5c
/** `[` and `{`, `]` and `}`: alike but for one bit. */
const OPENING = 0x5b
const CLOSING = 0x5d
const BIT = 0x20
/** What stands before and after the events of a batch is short. */
const HEAD_BYTES_MAX = 200
const TAIL_BYTES_MAX = 1_000
/** The batch and its body are two levels. */
const EVENT_DEPTH_MAX = JSON_DEPTH_MAX - 2
/** What an event alone is packed with only where it has the one and has not the other: else that is not even tried. */
const [needed, keyed] = [Buffer.from('"messageId"'), Buffer.from('"writeKey"')]
const framing = new Set(['batch', 'sentAt', 'writeKey'])

/**
 * The events of a body, none of which has been read. `undefined` for what is not simply
 * a batch with no more than `sentAt` and `writeKey` beside its events.
 */
export function jsonEventsOf(body: Buffer): JsonEvents | undefined {
  if (body[0] !== OPEN || !(isAscii(body) || isUtf8(body))) return undefined
  const from = body.indexOf(OPENING) + 1
  const to = body.lastIndexOf(CLOSING)
  if (from === 0 || from > HEAD_BYTES_MAX || to < from || body.length - to > TAIL_BYTES_MAX)
    return undefined
  const frame = parsed(Buffer.concat([body.subarray(0, from), body.subarray(to)]))
  if (!isObject(frame) || !Array.isArray(frame.batch)) return undefined
  if (!Object.keys(frame).every(name => framing.has(name))) return undefined
  const { sentAt, writeKey } = frame
  if (!isTextOrNone(sentAt) || !isTextOrNone(writeKey)) return undefined
  return { body, from, to, sentAt, writeKey }
}

/** The one event of a body that was posted where events of a type are; `undefined` where it is surely unusual. */
export function jsonEventOf(body: Buffer, type: string): JsonEvents | undefined {
  if (body[0] !== OPEN || !body.includes(needed) || body.includes(keyed)) return undefined
  if (!(isAscii(body) || isUtf8(body))) return undefined
  return { body, from: 0, to: body.length, typeOfPath: type }
}

/**
 * Calls `take` for each event: with what it is packed, or without where it is unusual; `json` is its text. Answers
 * `false` where the events are not what `jsonEventsOf` took them for, or `take` does, which then may not count.
 */
export function eachPacked(
  packer: EventPacker,
  { body, from, to }: JsonEvents,
  moment: PackMoment,
  take: (value: Uint8Array | undefined, json: () => Buffer) => boolean,
): boolean {
  packer.start(body, from, moment)
  for (;;) {
    if (packer.next() !== OPEN) return false
    const start = packer.from
    const value = packer.pack(moment)
    const end = value === undefined ? endOf(body, start) : packer.from
    if (end === undefined) return false
    packer.from = end
    try {
      if (!take(value, () => body.subarray(start, end))) return false
    } catch (error) {
      if (error instanceof SyntaxError) return false // that of the whole body is told
      throw error
    }
    const next = packer.next()
    if (packer.from === to) return true
    if (next !== COMMA) return false
    packer.from++
  }
}

/** After the object that begins here; `undefined` where it has no end, or its body nests deeper than may be. */
function endOf(json: Uint8Array, start: number): number | undefined {
  let depth = 0
  for (let at = start; at < json.length; at++) {
    const byte = json[at] ?? 0
    if (byte === QUOTE) {
      for (at++; at < json.length && json[at] !== QUOTE; at++) if (json[at] === BACKSLASH) at++
    } else if ((byte & ~BIT) === OPENING) {
      if (++depth > EVENT_DEPTH_MAX) return undefined
    } else if ((byte & ~BIT) === CLOSING && --depth === 0) return at + 1
  }
  return undefined
}

function parsed(json: Buffer): unknown {
  try {
    return parseJson(json)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}
