import { asciiText } from './ascii-text.ts'
import { Viewed } from './literal.ts'
import { Names } from './names.ts'

/**
 * Reads MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) as far as it is plain: nil, booleans,
 * numbers, texts, bytes, lists, and maps with texts for keys. What it has passed over can be read later, and that
 * never throws. Values are those that msgpackr gives, but for a text that is no UTF-8: it is what Buffer makes of it.
 */
export class MsgpackScan {
  /** Behind what was read last. */
  at = 0
  private readonly viewed = new Viewed()
  private readonly names = new Names()
  private bytes: Buffer = nothing
  private view: DataView = this.viewed.of(nothing)
  private end = 0

  over(bytes: Buffer, end: number): void {
    this.bytes = bytes
    this.view = this.viewed.of(bytes)
    this.end = end
  }

  /** The position behind the value at `position`; -1: it is cut off, not plain, or too deep for this. */
  skip(position: number, levels = levelsMax): number {
    if (position >= this.end || levels === 0) return -1
    const head = this.bytes[position] as number
    const kind = kinds[head] as number
    let at = position + 1 + (sizes[head] as number)
    if (kind === other || at > this.end) return -1
    if (kind === scalar) return at
    const length = this.length(position)
    if (kind === text || kind === binary) return at + length <= this.end ? at + length : -1
    for (let left = length; left > 0; left--) {
      if (kind === map) at = this.isText(at) ? this.skip(at) : -1
      if (at !== -1) at = this.skip(at, levels - 1)
      if (at === -1) return -1
    }
    return at
  }

  isText(position: number): boolean {
    return kinds[this.bytes[position] as number] === text
  }

  isMap(position: number): boolean {
    return kinds[this.bytes[position] as number] === map
  }

  /** Where what the head at `position` announces begins: a number's bytes, a text, the first value of a list. */
  content(position: number): number {
    return position + 1 + (sizes[this.bytes[position] as number] as number)
  }

  /** Bytes of a text, or how many values a list or a map has. */
  length(position: number): number {
    const head = this.bytes[position] as number
    if (head < 0xa0) return head & 0x0f
    if (head < 0xc0) return head & 0x1f
    const size = sizes[head]
    if (size === 1) return this.view.getUint8(position + 1)
    return size === 2 ? this.view.getUint16(position + 1) : this.view.getUint32(position + 1)
  }

  /** The value at `position`, which `skip` has passed over. */
  read(position: number): unknown {
    const content = this.content(position)
    const kind = kinds[this.bytes[position] as number]
    if (kind === scalar) {
      this.at = content
      return this.scalar(position)
    }
    const length = this.length(position)
    this.at = content + length
    if (kind === text) return this.text(content, content + length)
    if (kind === binary) return this.bytes.subarray(content, content + length)
    this.at = content
    return kind === map ? this.map(length) : this.list(length)
  }

  private text(start: number, end: number): string {
    const { bytes } = this
    if (end - start > asciiTextMax) return bytes.toString('utf8', start, end)
    for (let at = start; at < end; at++)
      if ((bytes[at] as number) >= 0x80) return bytes.toString('utf8', start, end)
    return asciiText(bytes, start, end)
  }

  private map(length: number): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    for (let left = length; left > 0; left--) {
      const start = this.content(this.at)
      const end = start + this.length(this.at)
      const name = this.names.of(this.bytes, start, end) ?? this.text(start, end)
      // As msgpackr has it: such a name would change what kind of object it is.
      const own = name === '__proto__' ? '__proto_' : name
      object[own] = this.read(end)
    }
    return object
  }

  private list(length: number): unknown[] {
    const list: unknown[] = []
    for (let left = length; left > 0; left--) list.push(this.read(this.at))
    return list
  }

  private scalar(position: number): unknown {
    const { view } = this
    const head = this.bytes[position] as number
    if (head < 0x80) return head
    if (head >= 0xe0) return head - 0x100
    const at = position + 1
    switch (head) {
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xca:
        return view.getFloat32(at)
      case 0xcb:
        return view.getFloat64(at)
      case 0xcc:
        return view.getUint8(at)
      case 0xcd:
        return view.getUint16(at)
      case 0xce:
        return view.getUint32(at)
      case 0xcf:
        return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4)
      case 0xd0:
        return view.getInt8(at)
      case 0xd1:
        return view.getInt16(at)
      case 0xd2:
        return view.getInt32(at)
      case 0xd3:
        return view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4)
      default:
        return null
    }
  }
}

const nothing = Buffer.alloc(0)
const levelsMax = 30
const asciiTextMax = 64

const scalar = 0
const text = 1
const binary = 2
const list = 3
const map = 4
/** Extensions, and what the format never uses. */
const other = 5

/** By a value's first byte: what it is, and how many bytes of number or length follow. */
const kinds = new Uint8Array(256).fill(other)
const sizes = new Uint8Array(256)
const formats: readonly (readonly [from: number, to: number, kind: number, size: number])[] = [
  [0x00, 0x7f, scalar, 0],
  [0x80, 0x8f, map, 0],
  [0x90, 0x9f, list, 0],
  [0xa0, 0xbf, text, 0],
  [0xc0, 0xc0, scalar, 0],
  [0xc2, 0xc3, scalar, 0],
  [0xc4, 0xc4, binary, 1],
  [0xc5, 0xc5, binary, 2],
  [0xc6, 0xc6, binary, 4],
  [0xca, 0xca, scalar, 4],
  [0xcb, 0xcb, scalar, 8],
  [0xcc, 0xcc, scalar, 1],
  [0xcd, 0xcd, scalar, 2],
  [0xce, 0xce, scalar, 4],
  [0xcf, 0xcf, scalar, 8],
  [0xd0, 0xd0, scalar, 1],
  [0xd1, 0xd1, scalar, 2],
  [0xd2, 0xd2, scalar, 4],
  [0xd3, 0xd3, scalar, 8],
  [0xd9, 0xd9, text, 1],
  [0xda, 0xda, text, 2],
  [0xdb, 0xdb, text, 4],
  [0xdc, 0xdc, list, 2],
  [0xdd, 0xdd, list, 4],
  [0xde, 0xde, map, 2],
  [0xdf, 0xdf, map, 4],
  [0xe0, 0xff, scalar, 0],
]
for (const [from, to, kind, size] of formats) {
  kinds.fill(kind, from, to + 1)
  sizes.fill(size, from, to + 1)
}
