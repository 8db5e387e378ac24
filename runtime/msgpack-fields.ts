import { absent, Found, fieldNamed, fields } from './found.ts'
import { isoTime } from './iso-time.ts'
import { LateParts, type PartReader } from './late-parts.ts'
import { MsgpackScan } from './msgpack-scan.ts'
import { Names } from './names.ts'
import { noFields, type RawEvent } from './raw-event.ts'

/**
 * Reads the fields of events from MessagePack; `properties`, `traits` and `context` are passed over, which takes a
 * few bytes of each value, and read when they are asked for.
 */
export class MsgpackFields implements PartReader {
  readonly #scan = new MsgpackScan()
  readonly #found = new Found()
  readonly #names = new Names()

  /** False: the bytes are no plain map, and for msgpackr to judge. */
  read(bytes: Buffer, start: number, end: number, into: RawEvent): boolean {
    if (!this.#find(bytes, start, end)) return false
    into.messageId = this.#value(fields.messageId)
    into.type = this.#name(bytes, fields.type)
    into.event = this.#name(bytes, fields.event)
    into.userId = this.#value(fields.userId)
    into.anonymousId = this.#value(fields.anonymousId)
    into.previousId = this.#value(fields.previousId)
    into.timestamp = this.#time(bytes, fields.timestamp)
    into.sentAt = this.#time(bytes, fields.sentAt)
    into.receivedAt = this.#time(bytes, fields.receivedAt)
    into.state = this.#value(fields.state)
    into.parts = new LateParts(bytes, this.#found, this)
    return true
  }

  part(bytes: Buffer, start: number, end: number): Readonly<Record<string, unknown>> {
    this.#scan.over(bytes, end)
    if (!this.#scan.isMap(start)) return noFields
    return this.#scan.read(start) as Record<string, unknown>
  }

  #find(bytes: Buffer, start: number, end: number): boolean {
    const scan = this.#scan
    const found = this.#found
    found.forget()
    scan.over(bytes, end)
    if (!scan.isMap(start) || scan.content(start) > end) return false
    let at = scan.content(start)
    for (let left = scan.length(start); left > 0; left--) {
      const value = scan.isText(at) ? scan.skip(at) : -1
      if (value === -1) return false
      const field = fieldNamed(bytes, scan.content(at), value)
      at = scan.skip(value)
      if (at === -1) return false
      if (field !== undefined) found.put(field, value, at, 0)
    }
    return at === end
  }

  #value(field: number): unknown {
    const start = this.#found.start(field)
    return start === absent ? undefined : this.#scan.read(start)
  }

  /** The same, of a field that has few different values. */
  #name(bytes: Buffer, field: number): unknown {
    const start = this.#found.start(field)
    const isText = start !== absent && this.#scan.isText(start)
    const name = isText
      ? this.#names.of(bytes, this.#scan.content(start), this.#found.end(field))
      : undefined
    return name ?? this.#value(field)
  }

  /** Epoch ms of an ISO text in the usual form; of any other value itself. */
  #time(bytes: Buffer, field: number): unknown {
    const start = this.#found.start(field)
    if (start === absent) return undefined
    const scan = this.#scan
    const time = scan.isText(start)
      ? isoTime(bytes, scan.content(start), this.#found.end(field))
      : undefined
    return time ?? scan.read(start)
  }
}
