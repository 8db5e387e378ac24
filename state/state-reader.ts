import { Packr } from 'msgpackr'
import { type CodecError, corrupt } from './codec-error.ts'
import { shortTexts } from './short-texts.ts'
import { shortFrom, tag } from './state-tags.ts'

/** Bytes are copied out, as a state goes on changing while the buffer that it was read from may still be written. */
const packr = new Packr({ useRecords: false, copyBuffers: true })

/** Kept from one state to the next only to save making it. */
const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)
double[0] = 1
/** Turns the place of a byte into that of this machine's order, which its highest byte, the last or the first, tells. */
const order = doubleBytes[7] === 0 ? 7 : 0

/**
 * Reads what a `StateWriter` has written, in the same order. Throws a `CodecError` for whatever cannot be that. Of a
 * state of format version 1, only `value` answers, with all of it at once.
 */
export class StateReader {
  /** As the writer's. */
  base = 0
  /** Whether it is of format version 1: `value` answers all that there is. */
  readonly isFirst: boolean
  private readonly bytes: Uint8Array
  private readonly first: unknown
  private at: number

  /** `start`: of the first value in `bytes`. `first`: the whole content of a state of format version 1. */
  constructor(bytes: Uint8Array, start: number, first?: { readonly value: unknown }) {
    this.bytes = bytes
    this.at = start
    this.isFirst = first !== undefined
    this.first = first?.value
  }

  value(): unknown {
    if (this.isFirst) return this.first
    const byte = this.byte()
    if (byte < tag.text) return this.small(byte)
    if (byte < tag.list) return this.narrow(byte & 0x1f)
    if (byte < tag.null) return this.listOf(byte & 0xf)
    switch (byte) {
      case tag.null:
        return null
      case tag.false:
        return false
      case tag.true:
        return true
      case tag.longText:
        return this.narrow(this.varint())
      case tag.wideText:
        return this.wide(this.varint())
      case tag.longList:
        return this.listOf(this.varint())
      case tag.bytes:
        return Uint8Array.from(this.take(this.varint()))
      case tag.packed:
        return this.packed(this.take(this.varint()))
      default:
        return this.large(byte)
    }
  }

  number(): number {
    const byte = this.byte()
    return byte < tag.text ? this.small(byte) : this.large(byte)
  }

  numbers(): number[] {
    const values = new Array<number>(this.list())
    for (let at = 0; at < values.length; at++) values[at] = this.number()
    return values
  }

  text(): string {
    const byte = this.byte()
    if (byte >= tag.text && byte < tag.list) return this.narrow(byte & 0x1f)
    if (byte === tag.longText) return this.narrow(this.varint())
    if (byte === tag.wideText) return this.wide(this.varint())
    throw this.unexpected('a text', byte)
  }

  texts(): string[] {
    const values = new Array<string>(this.list())
    for (let at = 0; at < values.length; at++) values[at] = this.text()
    return values
  }

  /** How many values follow. */
  list(): number {
    const byte = this.byte()
    if (byte >= tag.list && byte < tag.null) return this.room(byte & 0xf)
    if (byte === tag.longList) return this.room(this.varint())
    throw this.unexpected('a list', byte)
  }

  hash(): number {
    const { bytes, at } = this
    this.at += this.room(7)
    const low = wordAt(bytes, at)
    const middle = wordAt(bytes, at + 2)
    const high = wordAt(bytes, at + 4)
    const top = bytes[at + 6] as number
    return low + middle * 0x1_0000 + (high + top * 0x1_0000) * 0x1_0000_0000
  }

  /** Passes these bytes over, if they are what comes next. */
  skips(expected: Uint8Array): boolean {
    const { bytes, at } = this
    if (this.isFirst || expected.length > bytes.length - at) return false
    for (let index = 0; index < expected.length; index++)
      if (bytes[at + index] !== expected[index]) return false
    this.at += expected.length
    return true
  }

  /** Throws where something is left. */
  end(): void {
    const left = this.bytes.length - this.at
    if (!this.isFirst && left > 0) throw this.fault(`with ${left} bytes after its end`)
  }

  private small(byte: number): number {
    if (byte < tag.short) return byte
    return shortFrom + (((byte & 0x3f) << 8) | this.byte())
  }

  private large(byte: number): number {
    switch (byte) {
      case tag.whole:
        return this.varint()
      case tag.negative:
        return -1 - this.varint()
      case tag.before:
        return this.base - this.varint()
      case tag.after:
        return this.base + this.varint()
      case tag.hundredths:
        return this.varint() / 100
      case tag.double:
        return this.double()
      default:
        throw this.unexpected('a number', byte)
    }
  }

  private double(): number {
    const start = this.at
    this.at += this.room(8)
    for (let byte = 0; byte < 8; byte++)
      doubleBytes[byte ^ order] = this.bytes[start + byte] as number
    return double[0] as number
  }

  private listOf(count: number): unknown[] {
    const values = new Array<unknown>(this.room(count))
    for (let at = 0; at < count; at++) values[at] = this.value()
    return values
  }

  private narrow(length: number): string {
    const start = this.at
    this.at += this.room(length)
    return shortTexts.at(this.bytes, start, length)
  }

  private wide(length: number): string {
    const { buffer, byteOffset } = this.take(2 * length)
    return Buffer.from(buffer, byteOffset, 2 * length).toString('utf16le')
  }

  private packed(bytes: Uint8Array): unknown {
    try {
      return packr.unpack(bytes)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw this.fault(`whose MessagePack cannot be read (${reason.slice(0, 100)})`, error)
    }
  }

  private take(length: number): Uint8Array {
    const start = this.at
    this.at += this.room(length)
    return this.bytes.subarray(start, this.at)
  }

  /** Each value takes a byte at least. */
  private room(length: number): number {
    if (length <= this.bytes.length - this.at) return length
    throw this.fault(`in which ${length} values or bytes are to follow byte ${this.at}`)
  }

  private byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw this.fault('which end too early')
    return byte
  }

  private varint(): number {
    let byte = this.byte()
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let factor = 0x80; factor <= 2 ** 49; factor *= 0x80) {
      byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw this.fault(`whose number before byte ${this.at} is too large`)
  }

  private unexpected(expected: string, byte: number): CodecError {
    return this.fault(`with 0x${byte.toString(16)} for ${expected} at byte ${this.at - 1}`)
  }

  private fault(problem: string, cause?: unknown): CodecError {
    return corrupt(this.bytes, 'an encoded state', `, ${problem}`, cause)
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}
