import { Packr } from 'msgpackr'

const packr = new Packr({ useRecords: false })
const OUT_BYTES = 64 * 1024
/** Up to here a loop copies faster than a call does. */
const SHORT = 64

/** MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), written into one buffer that is used again. */
export class PackWriter {
  out: Buffer = Buffer.allocUnsafe(OUT_BYTES)
  /** Of `out`, what is written next. */
  to = 0
  #view = viewOf(this.out)

  /**
   * Makes room for so many bytes. Views of what was written stay good, but what is begun must not go on. They keep
   * their buffer alive: one is twice what is asked for, so that half of each is filled before there is another.
   */
  reserve(bytes: number): void {
    if (this.to + bytes <= this.out.length) return
    this.out = Buffer.allocUnsafe(Math.max(OUT_BYTES, 2 * bytes))
    this.#view = viewOf(this.out)
    this.to = 0
  }

  /** Begins a map or an array: where its head is. */
  open(): number {
    return this.to++
  }

  /** Ends a map or an array of so many, at most 65,535; its head has room for fifteen only. */
  close(head: number, count: number, kind: 'map' | 'array'): true {
    const { out } = this
    if (count <= 15) out[head] = (kind === 'map' ? 0x80 : 0x90) | count
    else {
      out.copyWithin(head + 3, head + 1, this.to)
      this.to += 2
      out[head] = kind === 'map' ? 0xde : 0xdc
      out[head + 1] = count >> 8
      out[head + 2] = count & 0xff
    }
    return true
  }

  /** What is packed already. */
  bytes(packed: Uint8Array): void {
    const { length } = packed
    if (length <= SHORT) for (let at = 0; at < length; at++) this.out[this.to++] = packed[at] ?? 0
    else {
      this.out.set(packed, this.to)
      this.to += length
    }
  }

  string(text: string): void {
    const bytes = Buffer.byteLength(text)
    this.textHead(bytes)
    if (bytes === text.length && bytes <= SHORT)
      for (let at = 0; at < bytes; at++) this.out[this.to++] = text.charCodeAt(at)
    else this.to += this.out.write(text, this.to, bytes)
  }

  /** A string of UTF-8 that is there. */
  text(bytes: Uint8Array, start: number, end: number): void {
    this.textHead(end - start)
    const { out } = this
    let { to } = this
    if (end - start <= SHORT) for (let at = start; at < end; at++) out[to++] = bytes[at] ?? 0
    else {
      out.set(bytes.subarray(start, end), to)
      to += end - start
    }
    this.to = to
  }

  textHead(bytes: number): void {
    const { out } = this
    if (bytes < 0x20) out[this.to++] = 0xa0 | bytes
    else if (bytes <= 0xff) {
      out[this.to++] = 0xd9
      out[this.to++] = bytes
    } else if (bytes <= 0xffff) {
      out[this.to++] = 0xda
      this.#view.setUint16(this.to, bytes)
      this.to += 2
    } else {
      out[this.to++] = 0xdb
      this.#view.setUint32(this.to, bytes)
      this.to += 4
    }
  }

  number(number: number): void {
    const { out } = this
    if ((number | 0) === number && number >= -0x20 && number <= 0x7f) {
      out[this.to++] = number & 0xff
    } else if (number >>> 0 === number && number <= 0xffff) {
      out[this.to] = 0xcd
      this.#view.setUint16(this.to + 1, number)
      this.to += 3
    } else if (number >>> 0 === number) {
      out[this.to] = 0xce
      this.#view.setUint32(this.to + 1, number)
      this.to += 5
    } else if ((number | 0) === number) {
      out[this.to] = 0xd2
      this.#view.setInt32(this.to + 1, number)
      this.to += 5
    } else {
      out[this.to] = 0xcb
      this.#view.setFloat64(this.to + 1, number)
      this.to += 9
    }
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** A field of a map, packed, of which the last value is remembered: that of one request is mostly that of the next. */
export class PackedField {
  readonly #name: Buffer
  #text: string | undefined
  #bytes: Buffer = Buffer.alloc(0)

  constructor(name: string) {
    this.#name = packr.pack(name)
  }

  /** Of no bytes where there is no value. */
  of(text: string | undefined): Buffer {
    if (text === this.#text) return this.#bytes
    this.#text = text
    this.#bytes =
      text === undefined ? Buffer.alloc(0) : Buffer.concat([this.#name, packr.pack(text)])
    return this.#bytes
  }
}

/** A text, packed. */
export function packed(text: string): Buffer {
  return packr.pack(text)
}
