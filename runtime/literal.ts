/** Bytes that are looked for, by four: a quarter of the comparisons. */
export class Literal {
  readonly bytes: Uint8Array
  readonly length: number
  private readonly words: Int32Array

  constructor(bytes: Uint8Array) {
    this.bytes = Uint8Array.from(bytes)
    this.length = bytes.length
    const view = new DataView(this.bytes.buffer)
    this.words = Int32Array.from({ length: bytes.length >> 2 }, (_, at) => view.getInt32(4 * at))
  }

  /** Whether they lie at this position. */
  lies(view: DataView, at: number): boolean {
    const { bytes, words, length } = this
    if (at + length > view.byteLength) return false
    const { length: count } = words
    for (let word = 0; word < count; word++)
      if (view.getInt32(at + 4 * word) !== words[word]) return false
    for (let byte = 4 * count; byte < length; byte++)
      if (view.getUint8(at + byte) !== bytes[byte]) return false
    return true
  }

  equals(other: Literal): boolean {
    return Buffer.compare(this.bytes, other.bytes) === 0
  }
}

/** The view of a buffer; made once for many events, as theirs is a whole batch's. It holds on to the last buffer. */
export class Viewed {
  #bytes: Buffer | undefined
  #view: DataView = new DataView(new ArrayBuffer(0))

  of(bytes: Buffer): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    }
    return this.#view
  }
}
