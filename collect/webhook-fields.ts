import { parseJson } from '../http/json.ts'
import { Refused } from './webhook-provider.ts'

/** What came, of which nothing is believed until it was read by one of these. */
export type Raw = Readonly<Record<string, unknown>>

const TEXT_CHARS_MAX = 2_000
const earliest = Date.UTC(2000)

/** @throws Refused where the body is no JSON */
export function jsonOf(body: Buffer | string): unknown {
  try {
    return parseJson(typeof body === 'string' ? Buffer.from(body) : body)
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'is no JSON' : 'cannot be read'
    throw new Refused('not_readable', `the body ${reason}`)
  }
}

/** The fields of an object; none of anything else. */
export function rawOf(value: unknown): Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : {}
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** A text, or a number as one; `undefined` where there is none, or an empty one. Cut off after 2,000 characters. */
export function textOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && text !== ''
    ? text.slice(0, TEXT_CHARS_MAX).toWellFormed()
    : undefined
}

/** Epoch ms of seconds since 1970, as a number or a text, with or without a fraction; else `otherwise`. */
export function secondsOf(value: unknown, otherwise: number): number {
  const told = typeof value === 'number' || (typeof value === 'string' && value !== '')
  return timeOr(told ? Math.floor(Number(value) * 1_000) : Number.NaN, otherwise)
}

/** Epoch ms of a time in ISO 8601; else `otherwise`. */
export function isoOf(value: unknown, otherwise: number): number {
  return timeOr(typeof value === 'string' ? Date.parse(value) : Number.NaN, otherwise)
}

function timeOr(ms: number, otherwise: number): number {
  return ms >= earliest && ms < 8.64e15 ? ms : otherwise
}

/** The address alone of `Bob <bob@example.com>`, or the text as it is. */
export function addressIn(value: unknown): string | undefined {
  const text = textOf(value)
  if (text === undefined) return undefined
  const [, inner] = /<([^<>]{1,400})>\s*$/.exec(text) ?? []
  return inner ?? text
}

/** What a table has under a name that came; nothing for names that every object has, such as `constructor`. */
export function named<Value>(
  table: Readonly<Record<string, Value>>,
  name: unknown,
): Value | undefined {
  const text = textOf(name)
  return text !== undefined && Object.hasOwn(table, text) ? table[text] : undefined
}
