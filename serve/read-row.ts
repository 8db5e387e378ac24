import { isUtf8 } from 'node:buffer'
import { asBuffer } from '../protocol/reader.ts'
import { beyondAscii, JsonScan } from '../runtime/json-scan.ts'
import { encodeBytes, encodeRow, parseRow, type Version } from './row.ts'

/**
 * The record as an encoded row, or why it is none. What jobs write is checked as it lies there and copied; to parse it
 * takes five times as long, so that is left for what is written in any other way.
 */
export function readRow(key: string, value: Uint8Array, partition: number): Buffer | string {
  const bytes = asBuffer(value)
  const version = versionWritten(key, bytes)
  if (version !== undefined) return encodeBytes(version, partition, bytes)
  const row = parseRow(key, bytes, partition)
  return typeof row === 'string' ? row : encodeRow(row)
}

const scan = new JsonScan()

/**
 * The version of a row that stands as jobs write it, without a space between its parts: `{"key":…,"version":[…,…],
 * "asOf":…,"features":{…},"segments":[…]}`. `undefined` for any other, and for one that has to be looked at more closely.
 */
export function versionWritten(key: string, bytes: Buffer): Version | undefined {
  const end = bytes.length
  scan.over(bytes, end)
  scan.marks = 0
  let at = behind(bytes, 0, BEFORE_KEY)
  if (at === -1) return undefined
  at = behindKey(bytes, at, key)
  at = behind(bytes, at, BEFORE_VERSION)
  const afterOffset = behindCount(bytes, at)
  const offset = count
  const afterRevision = behindCount(bytes, behind(bytes, afterOffset, COMMA))
  const revision = count
  at = behind(bytes, afterRevision, BEFORE_AS_OF)
  if (at === -1 || !isNumberStart(bytes[at])) return undefined
  at = behind(bytes, scan.value(at), BEFORE_FEATURES)
  if (at === -1 || bytes[at] !== OPEN_BRACE) return undefined
  at = behind(bytes, scan.value(at), BEFORE_SEGMENTS)
  if (at === -1 || bytes[at] !== OPEN_BRACKET) return undefined
  at = scan.value(at)
  if (at === -1 || at !== end - 1 || bytes[at] !== CLOSE_BRACE) return undefined
  if ((scan.marks & beyondAscii) !== 0 && !isUtf8(bytes)) return undefined
  return [offset, revision]
}

/** The position behind these words; -1: they do not stand there, or `position` was -1. */
function behind(bytes: Buffer, position: number, words: Uint8Array): number {
  if (position === -1) return -1
  for (let at = 0; at < words.length; at++) if (bytes[position + at] !== words[at]) return -1
  return position + words.length
}

/** Of a key that JSON writes as it is, which nearly all are. */
function behindKey(bytes: Buffer, position: number, key: string): number {
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at)
    if (code < 0x20 || code >= 0x7f || code === QUOTE || code === BACKSLASH) return -1
    if (bytes[position + at] !== code) return -1
  }
  return position + key.length
}

/** Of the whole number that was passed over last. */
let count = 0
/** So many digits are exact, and a few more are none of ours. */
const DIGITS_MAX = 15

/** The position behind a whole number from 0 on; -1: none stands there. */
function behindCount(bytes: Buffer, position: number): number {
  if (position === -1) return -1
  count = 0
  let at = position
  for (let byte = bytes[at]; isDigit(byte); byte = bytes[++at]) {
    if (at - position === DIGITS_MAX) return -1
    count = count * 10 + (byte - ZERO)
  }
  const hasZeroBefore = bytes[position] === ZERO && at > position + 1
  return at === position || hasZeroBefore ? -1 : at
}

function isNumberStart(byte: number | undefined): boolean {
  return isDigit(byte) || byte === MINUS
}

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}

const [QUOTE, BACKSLASH, MINUS, ZERO, NINE] = [0x22, 0x5c, 0x2d, 0x30, 0x39]
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET] = [0x7b, 0x7d, 0x5b]
const BEFORE_KEY = Buffer.from('{"key":"')
const BEFORE_VERSION = Buffer.from('","version":[')
const COMMA = Buffer.from(',')
const BEFORE_AS_OF = Buffer.from('],"asOf":')
const BEFORE_FEATURES = Buffer.from(',"features":')
const BEFORE_SEGMENTS = Buffer.from(',"segments":')
