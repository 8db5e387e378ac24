import secureJson from 'secure-json-parse'

/** JSON of strangers nests no deeper: far deeper than anybody means, and far from what recursion cannot take. */
export const JSON_DEPTH_MAX = 1_000

const BYTE_ORDER_MARK = 0xfeff
const QUOTE = 0x22
const BACKSLASH = 0x5c
/** `[` and `{`, `]` and `}`: alike but for one bit. */
const OPEN = 0x5b
const CLOSE = 0x5d
const BIT = 0x20

/**
 * JSON of strangers: keys named `__proto__`, and `constructor` with a `prototype`, are left out; of a key that is there
 * twice the last counts. Bytes that are no UTF-8 read as U+FFFD. Throws a `SyntaxError` for what is no JSON, and for
 * what nests deeper than `JSON_DEPTH_MAX`.
 */
export function parseJson(json: Buffer): unknown {
  const text = json.toString()
  if (opensMore(text, JSON_DEPTH_MAX) && nestsDeeper(json))
    throw new SyntaxError(`JSON of more than ${JSON_DEPTH_MAX} levels`)
  return isPlain(text) ? JSON.parse(text) : secureJson.parse(text, undefined, removing)
}

/** Whether no key can be one that is left out; letters of a key that are escaped have a backslash and a u. */
function isPlain(text: string): boolean {
  return (
    text.charCodeAt(0) !== BYTE_ORDER_MARK &&
    !text.includes('__proto__') &&
    !text.includes('constructor') &&
    !text.includes('\\u')
  )
}

/** Whether there are more than so many brackets to nest with. Each search costs less than forty steps of a loop. */
function opensMore(text: string, most: number): boolean {
  if (text.length <= 2 * most) return false
  let left = most
  for (const bracket of ['{', '['])
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if (--left < 0) return true
  return false
}

const removing = { protoAction: 'remove', constructorAction: 'remove' } as const

/**
 * Whether JSON nests deeper than `most` levels. Node parses any depth, but whoever then walks through it by recursion,
 * as JSON.stringify does, runs out of stack at some 10,000.
 *
 * Hot path: looks at each byte once, and at none where there are too few for so many levels, as in nearly all requests.
 *
 * @param json UTF-8; what is no JSON gets some answer
 */
export function nestsDeeper(json: Uint8Array, most = JSON_DEPTH_MAX): boolean {
  const { length } = json
  if (length <= 2 * most) return false
  let depth = 0
  for (let at = 0; at < length; at++) {
    const byte = json[at] ?? 0
    if (byte === QUOTE) {
      for (at++; at < length && json[at] !== QUOTE; at++) if (json[at] === BACKSLASH) at++
    } else if ((byte & ~BIT) === OPEN) {
      if (++depth > most) return true
    } else if ((byte & ~BIT) === CLOSE) {
      depth--
    }
  }
  return false
}
