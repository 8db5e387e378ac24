/**
 * Goes over JSON text without making anything of it: says where a value ends, and whether it is a value at all, by
 * the same grammar as `JSON.parse` (RFC 8259). About a tenth of the time of `JSON.parse`, which makes objects.
 *
 * What it passes over can be parsed later, and that never throws.
 */
export class JsonScan {
  /** Of all texts passed over since it was last set to 0: `escaped`, `beyondAscii`, or both. */
  marks = 0

  private bytes: Uint8Array = nothing
  private end = 0

  /** What is read from now on, up to `end`. */
  over(bytes: Uint8Array, end: number): void {
    this.bytes = bytes
    this.end = end
  }

  /** The position behind the value at `position`; -1: there is no JSON value, or one that is too deep for this. */
  value(position: number): number {
    const { bytes, end } = this
    let at = position
    let depth = 0
    // A bit for each level, the innermost lowest: 1 for an object, 0 for an array.
    let kinds = 0
    while (at < end) {
      const first = bytes[at] as number
      if (first === QUOTE) {
        at = this.text(at)
      } else if (first === OPEN_BRACE || first === OPEN_BRACKET) {
        if (++depth > DEPTH_MAX) return -1
        const isObject = first === OPEN_BRACE
        kinds = (kinds << 1) | (isObject ? 1 : 0)
        at = this.space(at + 1)
        if (bytes[at] !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
          if (isObject) at = this.name(at)
          if (at === -1) return -1
          continue
        }
        at++
        depth--
        kinds >>>= 1
      } else {
        at = this.scalar(at)
      }
      // A value has ended: what it stands in goes on, or ends too.
      for (;;) {
        if (at === -1 || depth === 0) return at
        at = this.space(at)
        const isObject = (kinds & 1) === 1
        const next = bytes[at]
        if (at < end && next === COMMA) {
          at = this.space(at + 1)
          if (isObject) at = this.name(at)
          if (at === -1) return -1
          break
        }
        if (next !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return -1
        at++
        depth--
        kinds >>>= 1
      }
    }
    return -1
  }

  /** The position behind the white space at `position`. */
  space(position: number): number {
    let at = position
    for (;;) {
      const byte = this.bytes[at] as number
      if (byte > SPACE || at >= this.end) return at
      if (byte !== SPACE && byte !== NEW_LINE && byte !== TAB && byte !== RETURN) return at
      at++
    }
  }

  /** The position behind the text whose opening quote is at `position`; -1: it is none. */
  text(position: number): number {
    const { bytes, end } = this
    if (bytes[position] !== QUOTE) return -1
    let at = position + 1
    while (at < end) {
      const kind = kindOf[bytes[at] as number] as number
      at++
      if (kind === plain) continue
      if (kind === quote) return at
      if (kind === control) return -1
      if (kind === backslash) {
        this.marks |= escaped
        at = this.escape(at)
        if (at === -1) return -1
      } else this.marks |= beyondAscii
    }
    return -1
  }

  /** From a member's name to its value; -1: there is none. */
  private name(position: number): number {
    const behind = this.text(position)
    if (behind === -1) return -1
    const colon = this.space(behind)
    return this.bytes[colon] === COLON ? this.space(colon + 1) : -1
  }

  /** `at`: behind a backslash. */
  private escape(at: number): number {
    const letter = this.bytes[at] as number
    if (letter !== LETTER_U) return simpleEscapes.includes(letter) ? at + 1 : -1
    for (let digit = at + 1; digit <= at + 4; digit++)
      if (!isHexadecimal(this.bytes[digit] as number)) return -1
    return at + 5
  }

  private scalar(position: number): number {
    switch (this.bytes[position]) {
      case 0x74:
        return this.literal(position, TRUE)
      case 0x66:
        return this.literal(position, FALSE)
      case 0x6e:
        return this.literal(position, NULL)
      default:
        return this.number(position)
    }
  }

  private literal(position: number, word: Uint8Array): number {
    for (let at = 0; at < word.length; at++) if (this.bytes[position + at] !== word[at]) return -1
    return position + word.length
  }

  private number(position: number): number {
    const { bytes } = this
    let at = bytes[position] === MINUS ? position + 1 : position
    // After a leading zero comes no other digit.
    const whole = bytes[at] === ZERO ? at + 1 : this.digits(at)
    if (whole === at) return -1
    at = whole
    if (bytes[at] === POINT) {
      const fraction = this.digits(at + 1)
      if (fraction === at + 1) return -1
      at = fraction
    }
    if (((bytes[at] as number) | 0x20) !== LETTER_E) return at
    at++
    if (bytes[at] === PLUS || bytes[at] === MINUS) at++
    const exponent = this.digits(at)
    return exponent === at ? -1 : exponent
  }

  private digits(position: number): number {
    let at = position
    while (at < this.end && isDigit(this.bytes[at] as number)) at++
    return at
  }
}

/** Of `marks`: a text has a backslash. */
export const escaped = 1
/** Of `marks`: a text has other characters than those of ASCII. */
export const beyondAscii = 2

/** As many levels as there are bits for. */
const DEPTH_MAX = 30

const nothing = new Uint8Array()
const SPACE = 0x20
const NEW_LINE = 0x0a
const TAB = 0x09
const RETURN = 0x0d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const MINUS = 0x2d
const PLUS = 0x2b
const POINT = 0x2e
const ZERO = 0x30
const LETTER_E = 0x65
const LETTER_U = 0x75
const [TRUE, FALSE, NULL] = ['true', 'false', 'null'].map(word => Buffer.from(word)) as [
  Buffer,
  Buffer,
  Buffer,
]
const simpleEscapes = Buffer.from('"\\/bfnrt')

/** What a byte within a text is. */
const plain = 0
const quote = 1
const backslash = 2
const control = 3
const foreign = 4
const kindOf = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === QUOTE) return quote
  if (byte === BACKSLASH) return backslash
  if (byte < SPACE) return control
  return byte < 0x80 ? plain : foreign
})

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39
}

function isHexadecimal(byte: number): boolean {
  const lower = byte | 0x20
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66)
}

/** The value that lies there, which has left these marks. */
export function parse(bytes: Buffer, start: number, end: number, marks: number): unknown {
  const encoding = (marks & beyondAscii) === 0 ? 'latin1' : 'utf8'
  return JSON.parse(bytes.toString(encoding, start, end))
}
