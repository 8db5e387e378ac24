import { digitAt, escapes, isOdd } from './json-bytes.ts'
import { PackWriter } from './pack-writer.ts'
import { DEPTH_MAX, KEYS_MAX } from './shape.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const LETTER_E = 0x65
const LOWER = 0x20
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const DELETE = 0x7f

const numberText = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/
/** So many digits are a whole number that a double holds. */
const DIGITS_MAX = 15
const powers = Array.from({ length: DIGITS_MAX + 1 }, (_, power) => 10 ** power)
/** A longer number is left to JSON.parse, which is quicker then. */
const NUMBER_CHARS_MAX = 40
/** Of one object: names are looked for twice by comparing each with all before it. */
const NAMES_MAX = 100
/** The most that a byte of JSON becomes: the four of `1.5,` are nine. */
export const GROWTH_MAX = 3

/**
 * Writes JSON as MessagePack, byte by byte, without an object, a string or a promise for what is in it. Each method
 * answers whether it could: `false` where the JSON is wrong, or unusual enough (`\u`, a name that may be there
 * twice or is left out, too deep, too many names) for those to see to it who make objects of it. Whoever calls it has
 * seen that the bytes are UTF-8.
 *
 * Hot path: JSON.parse and msgpackr took two thirds of what a batch costs; this takes a quarter of that.
 */
export class JsonPacker extends PackWriter {
  json: Buffer = Buffer.alloc(0)
  /** Of `json`, what is read next. */
  from = 0
  /** The string that `plainText` or `name` has found, within its quotes. */
  textStart = 0
  textEnd = 0
  /** Names and items so far. */
  keys = 0
  /** Of the names of each object that is open, by depth. */
  readonly #hashes = new Int32Array((DEPTH_MAX + 1) * NAMES_MAX)

  /** The next byte that is no blank, which `from` is at then; 0 at the end. */
  next(): number {
    const { json } = this
    for (;;) {
      const byte = json[this.from] ?? 0
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09))
        return byte
      this.from++
    }
  }

  /** Goes past the byte, if it is the next that is no blank. */
  takes(byte: number): boolean {
    if (this.next() !== byte) return false
    this.from++
    return true
  }

  /** @param depth of the value, if it is an object or an array; those of an event have 2 */
  value(depth: number): boolean {
    switch (this.next()) {
      case QUOTE:
        return this.#text()
      case OPEN_OBJECT:
        return this.#object(depth)
      case OPEN_ARRAY:
        return this.#array(depth)
      case 0x74:
        return this.#word('true', 0xc3)
      case 0x66:
        return this.#word('false', 0xc2)
      case 0x6e:
        return this.#word('null', 0xc0)
      default:
        return this.#number()
    }
  }

  /**
   * Finds a name, which `textStart` and `textEnd` have then, and goes past its colon; writes nothing.
   *
   * @param at how many names its object has before it
   */
  name(depth: number, at: number): boolean {
    if (!this.takes(QUOTE) || at >= NAMES_MAX || ++this.keys > KEYS_MAX) return false
    const { json } = this
    let end = this.from
    let hash = 0
    for (; ; end++) {
      const byte = json[end] ?? 0
      if (byte === QUOTE) break
      if (byte < 0x20 || byte === BACKSLASH) return false
      hash = (Math.imul(hash, 31) + byte) | 0
    }
    if (isOdd(json, this.from, end)) return false
    const first = depth * NAMES_MAX
    for (let other = first; other < first + at; other++)
      if (this.#hashes[other] === hash) return false
    this.#hashes[first + at] = hash
    this.textStart = this.from
    this.textEnd = end
    this.from = end + 1
    return this.takes(COLON)
  }

  /** Finds a string of ASCII without escapes, as `name` does. */
  plainText(): boolean {
    if (!this.takes(QUOTE)) return false
    const { json } = this
    let end = this.from
    for (; ; end++) {
      const byte = json[end] ?? 0
      if (byte === QUOTE) break
      if (byte < 0x20 || byte >= DELETE || byte === BACKSLASH) return false
    }
    this.textStart = this.from
    this.textEnd = end
    this.from = end + 1
    return true
  }

  #text(): boolean {
    const { json } = this
    const start = this.from + 1
    let end = start
    for (; ; end++) {
      const byte = json[end] ?? 0
      if (byte === QUOTE) break
      if (byte < 0x20) return false
      if (byte === BACKSLASH) return this.#escapedText(start)
    }
    this.from = end + 1
    this.text(json, start, end)
    return true
  }

  #object(depth: number): boolean {
    if (depth > DEPTH_MAX) return false
    this.from++
    const head = this.open()
    if (this.takes(CLOSE_OBJECT)) return this.close(head, 0, 'map')
    for (let count = 0; ; ) {
      if (!this.name(depth, count)) return false
      count++
      this.text(this.json, this.textStart, this.textEnd)
      if (!this.value(depth + 1)) return false
      if (this.takes(COMMA)) continue
      return this.takes(CLOSE_OBJECT) && this.close(head, count, 'map')
    }
  }

  #array(depth: number): boolean {
    if (depth > DEPTH_MAX) return false
    this.from++
    const head = this.open()
    if (this.takes(CLOSE_ARRAY)) return this.close(head, 0, 'array')
    for (let count = 0; ; ) {
      if (++this.keys > KEYS_MAX || !this.value(depth + 1)) return false
      count++
      if (this.takes(COMMA)) continue
      return this.takes(CLOSE_ARRAY) && this.close(head, count, 'array')
    }
  }

  #word(word: string, byte: number): boolean {
    for (let at = 0; at < word.length; at++)
      if (this.json[this.from + at] !== word.charCodeAt(at)) return false
    this.from += word.length
    this.out[this.to++] = byte
    return true
  }

  #number(): boolean {
    const { json } = this
    let at = this.from
    const isNegative = json[at] === MINUS
    if (isNegative) at++
    const first = at
    let digits = 0
    for (let digit = digitAt(json, at); digit >= 0; digit = digitAt(json, ++at))
      digits = digits * 10 + digit
    const whole = at - first
    let places = 0
    if (json[at] === DOT) {
      const point = at++
      for (let digit = digitAt(json, at); digit >= 0; digit = digitAt(json, ++at))
        digits = digits * 10 + digit
      places = at - point - 1
      if (places === 0) return false
    }
    const isPlain =
      whole > 0 &&
      whole + places <= DIGITS_MAX &&
      (whole === 1 || json[first] !== ZERO) &&
      ((json[at] ?? 0) | LOWER) !== LETTER_E
    if (!isPlain) return this.#longNumber()
    this.from = at
    // Both are exact as doubles, so their quotient is the double that is nearest.
    const size = places === 0 ? digits : digits / (powers[places] ?? 1)
    this.number(isNegative ? -size : size)
    return true
  }

  #longNumber(): boolean {
    const start = this.from
    const text = this.json.toString('latin1', start, start + NUMBER_CHARS_MAX)
    const [found = ''] = numberText.exec(text) ?? []
    const number = Number(found)
    if (found === '' || found.length === NUMBER_CHARS_MAX || !Number.isFinite(number)) return false
    this.from = start + found.length
    this.number(number)
    return true
  }

  #escapedText(start: number): boolean {
    const { json, out } = this
    let end = start
    let backslashes = 0
    for (; ; end++) {
      const byte = json[end] ?? 0
      if (byte === QUOTE) break
      if (byte < 0x20) return false
      if (byte !== BACKSLASH) continue
      backslashes++
      end++
    }
    this.textHead(end - start - backslashes)
    for (let at = start; at < end; at++) {
      let byte = json[at] ?? 0
      if (byte === BACKSLASH) {
        byte = escapes[json[++at] ?? 0] ?? 0
        if (byte === 0) return false
      }
      out[this.to++] = byte
    }
    this.from = end + 1
    return true
  }
}
