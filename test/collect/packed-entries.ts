/** A MessagePack value; a map is the list of its entries by name, as it was written: also one that names a thing twice. */
export type Packed = string | number | boolean | null | readonly Packed[] | PackedMap
export interface PackedMap {
  readonly entries: readonly (readonly [name: string, value: Packed])[]
}

/** Reads what collect writes of JSON. Throws for every other type, and for bytes after the value. */
export function packedEntries(value: Uint8Array): Packed {
  const reader = new Reader(value)
  const read = reader.value()
  if (reader.at !== value.length) throw new Error(`${value.length - reader.at} bytes too many`)
  return read
}

class Reader {
  at = 0
  readonly #bytes: Buffer

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength)
  }

  value(): Packed {
    const head = this.#whole(1)
    if (head <= 0x7f) return head
    if (head <= 0x8f) return this.#map(head & 0x0f)
    if (head <= 0x9f) return this.#array(head & 0x0f)
    if (head <= 0xbf) return this.#text(head & 0x1f)
    if (head >= 0xe0) return head - 0x100
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
      case 0xc3:
        return head === 0xc3
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#past(8))
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#whole(1 << (head - 0xcc))
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const length = 1 << (head - 0xd0)
        return this.#bytes.readIntBE(this.#past(length), length)
      }
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#whole(1 << (head - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#whole(2 << (head - 0xdc)))
      case 0xde:
      case 0xdf:
        return this.#map(this.#whole(2 << (head - 0xde)))
      default:
        throw new Error(`0x${head.toString(16)} at ${this.at - 1} is no type of JSON's`)
    }
  }

  #map(count: number): Packed {
    const entries = Array.from({ length: count }, (): [string, Packed] => {
      const name = this.value()
      if (typeof name !== 'string') throw new Error('a name is no text')
      return [name, this.value()]
    })
    return { entries: entries.sort(([one], [other]) => (one < other ? -1 : 1)) }
  }

  #array(count: number): Packed {
    return Array.from({ length: count }, () => this.value())
  }

  #text(bytes: number): string {
    const from = this.#past(bytes)
    return this.#bytes.toString('utf8', from, this.at)
  }

  #whole(length: number): number {
    return this.#bytes.readUIntBE(this.#past(length), length)
  }

  /** Where the next bytes begin. */
  #past(length: number): number {
    const from = this.at
    this.at += length
    if (this.at > this.#bytes.length) throw new Error('the value is not whole')
    return from
  }
}
