import { ProtocolError } from './error.ts'

/** Arrays come from untrusted bytes: no count above this is believed. */
const COUNT_MAX = 1_000_000

/**
 * Reads Kafka's primitive types (https://kafka.apache.org/protocol#protocol_types) from bytes that may be
 * anything: every read checks its bounds and throws a `ProtocolError`. Strings and bytes come in the classic
 * form (`string`, `bytes`) and in the compact one of flexible versions (`compactString`, `compactBytes`).
 * Byte results are views, not copies.
 */
export class Reader {
  readonly buffer: Buffer
  position: number

  constructor(bytes: Uint8Array, position = 0) {
    this.buffer = asBuffer(bytes)
    this.position = position
  }

  get remaining(): number {
    return this.buffer.length - this.position
  }

  int8(): number {
    return this.buffer.readInt8(this.advance(1))
  }

  int16(): number {
    return this.buffer.readInt16BE(this.advance(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.advance(4))
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.advance(4))
  }

  /** Throws `unsupported` for a number that JavaScript cannot hold exactly. */
  int64(): number {
    const at = this.advance(8)
    const value = this.buffer.readInt32BE(at) * 0x1_0000_0000 + this.buffer.readUInt32BE(at + 4)
    if (!Number.isSafeInteger(value)) {
      throw new ProtocolError(
        'unsupported',
        `expected an int64 within ±2^53 at byte ${at}, found ${this.buffer.readBigInt64BE(at)}`,
      )
    }
    return value
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  /** Unsigned, at most 32 bits. */
  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.advance(1)] ?? 0
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new ProtocolError(
      'corrupt',
      `a varint before byte ${this.position} has more than 5 bytes`,
    )
  }

  /** Zig-zag, 32 bits. */
  varint(): number {
    const raw = this.uvarint()
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
  }

  /** Zig-zag, 64 bits; throws `unsupported` beyond 2^53. */
  varlong(): number {
    let raw = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.buffer[this.advance(1)] ?? 0
      raw |= BigInt(byte & 0x7f) << shift
      if (byte >= 0x80) continue
      const value = Number(BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n)))
      if (Number.isSafeInteger(value)) return value
      throw new ProtocolError('unsupported', `expected a varlong within ±2^53, found ${value}`)
    }
    throw new ProtocolError(
      'corrupt',
      `a varlong before byte ${this.position} has more than 10 bytes`,
    )
  }

  nullableString(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.utf8(length)
  }

  string(): string {
    return this.present(this.nullableString(), 'string')
  }

  compactNullableString(): string | null {
    const length = this.uvarint() - 1
    return length < 0 ? null : this.utf8(length)
  }

  compactString(): string {
    return this.present(this.compactNullableString(), 'string')
  }

  nullableBytes(): Buffer | null {
    const length = this.int32()
    return length < 0 ? null : this.view(length)
  }

  bytes(): Buffer {
    return this.present(this.nullableBytes(), 'byte string')
  }

  compactNullableBytes(): Buffer | null {
    const length = this.uvarint() - 1
    return length < 0 ? null : this.view(length)
  }

  compactBytes(): Buffer {
    return this.present(this.compactNullableBytes(), 'byte string')
  }

  nullableArray<T>(element: (reader: Reader) => T): T[] | null {
    return this.elements(this.int32(), element)
  }

  array<T>(element: (reader: Reader) => T): T[] {
    return this.present(this.nullableArray(element), 'array')
  }

  compactNullableArray<T>(element: (reader: Reader) => T): T[] | null {
    return this.elements(this.uvarint() - 1, element)
  }

  compactArray<T>(element: (reader: Reader) => T): T[] {
    return this.present(this.compactNullableArray(element), 'array')
  }

  /** Skips the tagged fields that end every structure of a flexible version. */
  tags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint()
      this.view(this.uvarint())
    }
  }

  /** A view of the next `length` bytes. */
  view(length: number): Buffer {
    const start = this.advance(length)
    return this.buffer.subarray(start, start + length)
  }

  /** Passes over the next `length` bytes. */
  skip(length: number): void {
    this.advance(length)
  }

  private utf8(length: number): string {
    const start = this.advance(length)
    return this.buffer.toString('utf8', start, start + length)
  }

  private elements<T>(count: number, element: (reader: Reader) => T): T[] | null {
    if (count < 0) return null
    // Every element has at least one byte, so a greater count is a lie and must not size an array.
    if (count > this.remaining || count > COUNT_MAX) {
      throw new ProtocolError(
        'truncated',
        `an array of ${count} elements at byte ${this.position} has ${this.remaining} bytes left`,
      )
    }
    const elements: T[] = []
    for (let index = 0; index < count; index++) elements.push(element(this))
    return elements
  }

  private advance(length: number): number {
    const start = this.position
    if (length < 0 || length > this.buffer.length - start) {
      throw new ProtocolError(
        'truncated',
        `expected ${length} bytes at byte ${start}, found ${this.buffer.length - start}`,
      )
    }
    this.position = start + length
    return start
  }

  private present<T>(value: T | null, what: string): T {
    if (value !== null) return value
    throw new ProtocolError(
      'corrupt',
      `expected a ${what} before byte ${this.position}, found null`,
    )
  }
}

/** The same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
