import { ProtocolError } from './error.ts'

/** Writes Kafka's primitive types into one buffer that grows. The counterpart of `Reader`; calls chain. */
export class Writer {
  private buffer: Buffer
  private length = 0

  constructor(capacity = 256) {
    this.buffer = Buffer.allocUnsafe(capacity)
  }

  get size(): number {
    return this.length
  }

  /** What was written; a view that later writes may leave behind. */
  finish(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  int8(value: number): this {
    const at = this.advance(1)
    this.buffer.writeInt8(value, at)
    return this
  }

  int16(value: number): this {
    const at = this.advance(2)
    this.buffer.writeInt16BE(value, at)
    return this
  }

  int32(value: number): this {
    const at = this.advance(4)
    this.buffer.writeInt32BE(value, at)
    return this
  }

  uint32(value: number): this {
    const at = this.advance(4)
    this.buffer.writeUInt32BE(value, at)
    return this
  }

  int64(value: number): this {
    if (!Number.isSafeInteger(value)) {
      throw new ProtocolError('unsupported', `expected an int64 within ±2^53, found ${value}`)
    }
    const at = this.advance(8)
    const high = Math.floor(value / 0x1_0000_0000)
    this.buffer.writeInt32BE(high, at)
    this.buffer.writeUInt32BE(value - high * 0x1_0000_0000, at + 4)
    return this
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  uvarint(value: number): this {
    let rest = value
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    return this.byte(rest)
  }

  /** Zig-zag, within ±2^52: serves as varint and varlong. */
  varint(value: number): this {
    return this.uvarint(value < 0 ? -value * 2 - 1 : value * 2)
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const length = Buffer.byteLength(value)
    if (length > 0x7fff) {
      throw new ProtocolError('too-large', `a string of ${length} bytes; the protocol allows 32767`)
    }
    return this.int16(length).utf8(value, length)
  }

  compactString(value: string | null): this {
    if (value === null) return this.uvarint(0)
    const length = Buffer.byteLength(value)
    return this.uvarint(length + 1).utf8(value, length)
  }

  bytes(value: Uint8Array | null): this {
    return value === null ? this.int32(-1) : this.int32(value.length).raw(value)
  }

  compactBytes(value: Uint8Array | null): this {
    return value === null ? this.uvarint(0) : this.uvarint(value.length + 1).raw(value)
  }

  array<T>(elements: readonly T[] | null, element: (value: T, writer: this) => unknown): this {
    if (elements === null) return this.int32(-1)
    this.int32(elements.length)
    for (const value of elements) element(value, this)
    return this
  }

  compactArray<T>(
    elements: readonly T[] | null,
    element: (value: T, writer: this) => unknown,
  ): this {
    if (elements === null) return this.uvarint(0)
    this.uvarint(elements.length + 1)
    for (const value of elements) element(value, this)
    return this
  }

  /** The empty section of tagged fields that ends every structure of a flexible version. */
  tags(): this {
    return this.uvarint(0)
  }

  raw(bytes: Uint8Array): this {
    const at = this.advance(bytes.length)
    this.buffer.set(bytes, at)
    return this
  }

  /** Overwrites an int32 that was written before, such as a length that is known at the end. */
  patchInt32(position: number, value: number): this {
    this.buffer.writeInt32BE(value, position)
    return this
  }

  private utf8(value: string, length: number): this {
    const at = this.advance(length)
    this.buffer.write(value, at, length, 'utf8')
    return this
  }

  private byte(value: number): this {
    const at = this.advance(1)
    this.buffer[at] = value
    return this
  }

  /** Where the next `length` bytes go. May replace `buffer`, so it is called before `buffer` is read. */
  private advance(length: number): number {
    const start = this.length
    const end = start + length
    if (end > this.buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.buffer.length * 2))
      this.buffer.copy(grown, 0, 0, start)
      this.buffer = grown
    }
    this.length = end
    return start
  }
}
