import { Packr } from 'msgpackr'
import { type CodecError, corrupt } from './codec-error.ts'
import { shortFrom, tag } from './state-tags.ts'

/** Bytes are copied out, as a state goes on changing while the buffer that it was read from may still be written. */
const packr = new Packr({ useRecords: false, copyBuffers: true })

/**
 * Reads what a `StateWriter` has written, in the same order. Throws a `CodecError` for whatever cannot be that. Of a
 * state of format version 1, only `value` answers, with all of it at once.
 */
export class StateReader {
  /** As the writer's. */
  base = 0
  /** Whether it is of format version 1: `value` answers all that there is. */
  readonly isFirst: boolean
  readonly #bytes: Uint8Array
  readonly #first: unknown
  #at: number

  /** `start`: of the first value in `bytes`. `first`: the whole content of a state of format version 1. */
  constructor(bytes: Uint8Array, start: number, first?: { readonly value: unknown }) {
    this.#bytes = bytes
    this.#at = start
    this.isFirst = first !== undefined
    this.#first = first?.value
  }

  value(): unknown {
    if (this.isFirst) return this.#first
    const byte = this.#byte()
    if (byte < tag.text) return this.#small(byte)
    if (byte < tag.list) return this.#narrow(byte & 0x1f)
    if (byte < tag.null) return this.#values(byte & 0xf)
    switch (byte) {
      case tag.null:
        return null
      case tag.false:
        return false
      case tag.true:
        return true
      case tag.longText:
        return this.#narrow(this.#varint())
      case tag.wideText:
        return this.#wide(this.#varint())
      case tag.longList:
        return this.#values(this.#varint())
      case tag.bytes:
        return Uint8Array.from(this.#take(this.#varint()))
      case tag.packed:
        return this.#packed(this.#take(this.#varint()))
      default:
        return this.#large(byte)
    }
  }

  number(): number {
    const byte = this.#byte()
    return byte < tag.text ? this.#small(byte) : this.#large(byte)
  }

  numbers(): number[] {
    const values: number[] = []
    for (let left = this.list(); left > 0; left--) values.push(this.number())
    return values
  }

  text(): string {
    const byte = this.#byte()
    if (byte >= tag.text && byte < tag.list) return this.#narrow(byte & 0x1f)
    if (byte === tag.longText) return this.#narrow(this.#varint())
    if (byte === tag.wideText) return this.#wide(this.#varint())
    throw this.#unexpected('a text', byte)
  }

  texts(): string[] {
    const values: string[] = []
    for (let left = this.list(); left > 0; left--) values.push(this.text())
    return values
  }

  /** How many values follow. */
  list(): number {
    const byte = this.#byte()
    if (byte >= tag.list && byte < tag.null) return this.#room(byte & 0xf)
    if (byte === tag.longList) return this.#room(this.#varint())
    throw this.#unexpected('a list', byte)
  }

  hash(): number {
    const [bytes, at] = [this.#bytes, this.#at]
    this.#at += this.#room(7)
    const byte = (index: number) => bytes[at + index] as number
    const low = byte(0) + byte(1) * 0x100 + byte(2) * 0x1_0000 + byte(3) * 0x100_0000
    return low + (byte(4) + byte(5) * 0x100 + byte(6) * 0x1_0000) * 0x1_0000_0000
  }

  /** Passes these bytes over, if they are what comes next. */
  skips(expected: Uint8Array): boolean {
    const [bytes, at] = [this.#bytes, this.#at]
    if (this.isFirst || expected.length > bytes.length - at) return false
    for (let index = 0; index < expected.length; index++)
      if (bytes[at + index] !== expected[index]) return false
    this.#at += expected.length
    return true
  }

  /** Throws where something is left. */
  end(): void {
    const left = this.#bytes.length - this.#at
    if (!this.isFirst && left > 0) throw this.#fault(`with ${left} bytes after its end`)
  }

  #small(byte: number): number {
    if (byte < tag.short) return byte
    return shortFrom + (((byte & 0x3f) << 8) | this.#byte())
  }

  #large(byte: number): number {
    switch (byte) {
      case tag.whole:
        return this.#varint()
      case tag.negative:
        return -1 - this.#varint()
      case tag.before:
        return this.base - this.#varint()
      case tag.after:
        return this.base + this.#varint()
      case tag.hundredths:
        return this.#varint() / 100
      case tag.double: {
        const { buffer, byteOffset, length } = this.#take(8)
        return new DataView(buffer, byteOffset, length).getFloat64(0, true)
      }
      default:
        throw this.#unexpected('a number', byte)
    }
  }

  #values(count: number): unknown[] {
    const values: unknown[] = []
    for (let left = this.#room(count); left > 0; left--) values.push(this.value())
    return values
  }

  #narrow(length: number): string {
    const { buffer, byteOffset } = this.#take(length)
    return Buffer.from(buffer, byteOffset, length).toString('latin1')
  }

  #wide(length: number): string {
    const { buffer, byteOffset } = this.#take(2 * length)
    return Buffer.from(buffer, byteOffset, 2 * length).toString('utf16le')
  }

  #packed(bytes: Uint8Array): unknown {
    try {
      return packr.unpack(bytes)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw this.#fault(`whose MessagePack cannot be read (${reason.slice(0, 100)})`, error)
    }
  }

  #take(length: number): Uint8Array {
    const start = this.#at
    this.#at += this.#room(length)
    return this.#bytes.subarray(start, this.#at)
  }

  /** Each value takes a byte at least. */
  #room(length: number): number {
    if (length <= this.#bytes.length - this.#at) return length
    throw this.#fault(`in which ${length} values or bytes are to follow byte ${this.#at}`)
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw this.#fault('which end too early')
    return byte
  }

  #varint(): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.#byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 0x80
      if (factor > 2 ** 53) throw this.#fault(`whose number before byte ${this.#at} is too large`)
    }
  }

  #unexpected(expected: string, byte: number): CodecError {
    return this.#fault(`with 0x${byte.toString(16)} for ${expected} at byte ${this.#at - 1}`)
  }

  #fault(problem: string, cause?: unknown): CodecError {
    return corrupt(this.#bytes, 'an encoded state', `, ${problem}`, cause)
  }
}
