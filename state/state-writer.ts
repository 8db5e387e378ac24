import { Packr } from 'msgpackr'
import { listEnd, shortEnd, shortFrom, tag, textEnd } from './state-tags.ts'

/** From here on a whole number may be a time, epoch ms. */
const timesFrom = 2 ** 32
/** Farther from the base, a time's distance is no shorter than the time. */
const distanceMax = 2 ** 34
const hundredthsMax = 2 ** 48
/** The most that a number takes. */
const numberBytes = 10

/** Without records: their definitions would stand in every state again. */
const packr = new Packr({ useRecords: false })

/**
 * Writes one state after the other into a buffer of its own, which grows: what was written is to be copied before
 * the next one begins. state-tags.ts has the bytes.
 *
 * Hot path: no array or object is made for a state.
 */
export class StateWriter {
  private buffer = Buffer.allocUnsafe(1_024)
  /** Bytes written. */
  length = 0
  /** A time near to most that follow; what reads them is told the same one. */
  base = 0

  /** What was written, and room behind it; another one when it has grown. */
  get bytes(): Uint8Array {
    return this.buffer
  }

  /** Begins anew. */
  clear(): void {
    this.length = 0
    this.base = 0
  }

  /** Writes over what is there, big-endian. */
  doubleAt(at: number, value: number): void {
    this.buffer.writeDoubleBE(value, at)
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    return Uint8Array.from(this.buffer.subarray(0, this.length))
  }

  /** Whatever msgpack can say; all but objects in our own way. */
  value(value: unknown): void {
    if (typeof value === 'number') this.number(value)
    else if (typeof value === 'string') this.text(value)
    else if (Array.isArray(value)) {
      this.list(value.length)
      for (let at = 0; at < value.length; at++) this.value(value[at])
    } else if (value === null) this.tagged(tag.null)
    else if (typeof value === 'boolean') this.tagged(value ? tag.true : tag.false)
    else if (value instanceof Uint8Array) this.sized(tag.bytes, value)
    else this.sized(tag.packed, packr.pack(value))
  }

  number(value: number): void {
    this.ensure(numberBytes)
    const { buffer } = this
    if (value >= 0 && value < shortEnd && value === (value | 0)) {
      if (value >= shortFrom) {
        const rest = value - shortFrom
        buffer[this.length++] = tag.short | (rest >> 8)
        buffer[this.length++] = rest & 0xff
      } else if (value === 0 && 1 / value < 0) this.double(value)
      else buffer[this.length++] = value
    } else if (Number.isSafeInteger(value)) this.large(value)
    else {
      const hundredths = Math.round(value * 100)
      if (hundredths > 0 && hundredths < hundredthsMax && hundredths / 100 === value) {
        buffer[this.length++] = tag.hundredths
        this.varint(hundredths)
      } else this.double(value)
    }
  }

  numbers(values: readonly number[]): void {
    this.list(values.length)
    for (let at = 0; at < values.length; at++) this.number(values[at] as number)
  }

  text(value: string): void {
    const { length } = value
    this.ensure(numberBytes + 2 * length)
    const { buffer } = this
    const start = this.length
    if (length < textEnd) buffer[this.length++] = tag.text | length
    else this.head(tag.longText, length)
    let at = this.length
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index)
      if (unit > 0xff) {
        this.length = start
        this.wide(value)
        return
      }
      buffer[at++] = unit
    }
    this.length = at
  }

  texts(values: readonly string[]): void {
    this.list(values.length)
    for (let at = 0; at < values.length; at++) this.text(values[at] as string)
  }

  /** Of as many values, which follow. */
  list(length: number): void {
    this.ensure(numberBytes)
    if (length < listEnd) this.buffer[this.length++] = tag.list | length
    else this.head(tag.longList, length)
  }

  /** Of 53 bits, any of them as likely as the others: 7 bytes. */
  hash(value: number): void {
    this.ensure(8)
    const { buffer } = this
    let low = value >>> 0
    const high = (value - low) / 0x1_0000_0000
    let at = this.length
    for (let byte = 0; byte < 4; byte++) {
      buffer[at++] = low & 0xff
      low >>>= 8
    }
    buffer[at++] = high & 0xff
    buffer[at++] = (high >> 8) & 0xff
    buffer[at++] = high >> 16
    this.length = at
  }

  /** As they are: what reads them knows how many. */
  raw(bytes: Uint8Array): void {
    this.ensure(bytes.length)
    const { buffer } = this
    let at = this.length
    for (let index = 0; index < bytes.length; index++) buffer[at++] = bytes[index] as number
    this.length = at
  }

  private large(value: number): void {
    const distance = value - this.base
    if (value >= timesFrom && distance < distanceMax && distance > -distanceMax) {
      this.buffer[this.length++] = distance < 0 ? tag.before : tag.after
      this.varint(distance < 0 ? -distance : distance)
    } else {
      this.buffer[this.length++] = value < 0 ? tag.negative : tag.whole
      this.varint(value < 0 ? -1 - value : value)
    }
  }

  private double(value: number): void {
    this.buffer[this.length] = tag.double
    this.buffer.writeDoubleLE(value, this.length + 1)
    this.length += 9
  }

  private wide(value: string): void {
    this.head(tag.wideText, value.length)
    this.length += this.buffer.write(value, this.length, 'utf16le')
  }

  private tagged(byte: number): void {
    this.ensure(1)
    this.buffer[this.length++] = byte
  }

  private sized(byte: number, bytes: Uint8Array): void {
    this.ensure(numberBytes + bytes.length)
    this.head(byte, bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  private head(byte: number, length: number): void {
    this.buffer[this.length++] = byte
    this.varint(length)
  }

  /** From 0, of at most 53 bits. */
  private varint(value: number): void {
    const { buffer } = this
    let at = this.length
    let rest = value
    while (rest >= 0x1000_0000) {
      let low = rest & 0xfff_ffff
      rest = (rest - low) / 0x1000_0000
      for (let byte = 0; byte < 4; byte++) {
        buffer[at++] = 0x80 | (low & 0x7f)
        low >>>= 7
      }
    }
    while (rest >= 0x80) {
      buffer[at++] = 0x80 | (rest & 0x7f)
      rest >>>= 7
    }
    buffer[at++] = rest
    this.length = at
  }

  private ensure(bytes: number): void {
    const end = this.length + bytes
    if (end <= this.buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(end, 2 * this.buffer.length))
    this.buffer.copy(grown, 0, 0, this.length)
    this.buffer = grown
  }
}
