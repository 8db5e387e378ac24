import { asciiText } from './ascii-text.ts'
import { FlatObjects } from './flat-objects.ts'
import { absent, Found, fieldNamed, fields } from './found.ts'
import { isoTime } from './iso-time.ts'
import { escaped, JsonScan, parse } from './json-scan.ts'
import { JsonShapes } from './json-shapes.ts'
import { LateParts, type PartReader } from './late-parts.ts'
import { Names } from './names.ts'
import { noFields, type RawEvent } from './raw-event.ts'

/**
 * Reads the fields of events from JSON bytes, each by going over them once: what is no field, and what lies within
 * `properties`, `traits` and `context`, is only checked. What it reads is what `JSON.parse` would give.
 */
export class JsonFields implements PartReader {
  readonly #scan = new JsonScan()
  readonly #found = new Found()
  readonly #names = new Names()
  readonly #flat = new FlatObjects()
  readonly #shapes = new JsonShapes(this.#scan, this.#found)

  /** False: the text is no JSON object, or one that only `JSON.parse` should judge. */
  read(bytes: Buffer, start: number, end: number, into: RawEvent): boolean {
    if (!this.#shapes.find(bytes, start, end)) {
      if (!this.#find(bytes, start, end)) return false
      this.#shapes.learn(bytes, start, end)
    }
    const found = this.#found
    into.messageId = this.#value(bytes, fields.messageId)
    into.type = this.#name(bytes, fields.type)
    into.event = this.#name(bytes, fields.event)
    into.userId = this.#value(bytes, fields.userId)
    into.anonymousId = this.#value(bytes, fields.anonymousId)
    into.previousId = this.#value(bytes, fields.previousId)
    into.timestamp = this.#time(bytes, fields.timestamp)
    into.sentAt = this.#time(bytes, fields.sentAt)
    into.receivedAt = this.#time(bytes, fields.receivedAt)
    into.state = undefined // bytes, which JSON cannot say
    into.parts = new LateParts(bytes, found, this)
    return true
  }

  part(bytes: Buffer, start: number, end: number, marks: number): Record<string, unknown> {
    if (bytes[start] !== OPEN_BRACE) return noFields
    if (marks !== 0) return parse(bytes, start, end, marks) as Record<string, unknown>
    return this.#flat.read(bytes, start, end) ?? this.#flat.learn(bytes, start, end)
  }

  #value(bytes: Buffer, field: number): unknown {
    const start = this.#found.start(field)
    if (start === absent) return undefined
    const end = this.#found.end(field)
    const marks = this.#found.marks(field)
    return bytes[start] === QUOTE && marks === 0
      ? asciiText(bytes, start + 1, end - 1)
      : parse(bytes, start, end, marks)
  }

  /** The same, of a field that has few different values. */
  #name(bytes: Buffer, field: number): unknown {
    const start = this.#found.start(field)
    const isPlain = start !== absent && bytes[start] === QUOTE && this.#found.marks(field) === 0
    const name = isPlain ? this.#names.of(bytes, start + 1, this.#found.end(field) - 1) : undefined
    return name ?? this.#value(bytes, field)
  }

  /** Epoch ms of an ISO text in the usual form; of any other value itself. */
  #time(bytes: Buffer, field: number): unknown {
    const start = this.#found.start(field)
    if (start === absent) return undefined
    const end = this.#found.end(field)
    const time = bytes[start] === QUOTE ? isoTime(bytes, start + 1, end - 1) : undefined
    return time ?? this.#value(bytes, field)
  }

  #find(bytes: Buffer, start: number, end: number): boolean {
    const scan = this.#scan
    const found = this.#found
    found.forget()
    scan.over(bytes, end)
    let at = scan.space(start + 1)
    if (bytes[at] === CLOSE_BRACE) return scan.space(at + 1) === end
    for (;;) {
      scan.marks = 0
      const nameEnd = scan.text(at)
      // A name with escapes may be one of ours.
      if (nameEnd === -1 || (scan.marks & escaped) !== 0) return false
      const field = fieldNamed(bytes, at + 1, nameEnd - 1)
      at = scan.space(nameEnd)
      if (bytes[at] !== COLON) return false
      at = scan.space(at + 1)
      scan.marks = 0
      const valueEnd = scan.value(at)
      if (valueEnd === -1) return false
      if (field !== undefined) found.put(field, at, valueEnd, scan.marks)
      at = scan.space(valueEnd)
      if (bytes[at] === CLOSE_BRACE) return scan.space(at + 1) === end
      if (bytes[at] !== COMMA) return false
      at = scan.space(at + 1)
    }
  }
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
