import { asciiText } from './ascii-text.ts'

/**
 * Names that came before, such as an event's: to compare one takes half the time of making it and leaves no garbage, and
 * who looks it up in a map finds its hash made.
 */
export class Names {
  readonly #bytes = new Array<Buffer>(namesMax).fill(Buffer.alloc(0))
  readonly #texts = new Array<string>(namesMax).fill('')

  /** `undefined`: it is long, or not of ASCII. */
  of(bytes: Buffer, start: number, end: number): string | undefined {
    const length = end - start
    if (length === 0 || length > charsMax) return undefined
    let hash = length
    for (let at = start; at < end; at++) hash = (hash * 31 + (bytes[at] as number)) & 0xffff
    const place = hash % namesMax
    const known = this.#bytes[place] as Buffer
    let same = 0
    while (same < length && known[same] === bytes[start + same]) same++
    if (same === length && known.length === length) return this.#texts[place]
    for (let at = start; at < end; at++) if ((bytes[at] as number) >= 0x80) return undefined
    this.#bytes[place] = Buffer.from(bytes.subarray(start, end))
    this.#texts[place] = asciiText(bytes, start, end)
    return this.#texts[place]
  }
}

const namesMax = 256
const charsMax = 64
