const places = 16_384 // 128 KiB and the texts in it
const lengthMax = 32

/**
 * Short texts that were read lately, such as the ids of products, which stand in the states of many users: one
 * that is here is found by its bytes, without making it again, and is one string in memory for all of them.
 */
export class ShortTexts {
  private readonly texts = new Array<string | undefined>(places).fill(undefined)

  /** The text of these bytes, each a character; at most 32 of them are looked for. */
  at(bytes: Uint8Array, start: number, length: number): string {
    if (length > lengthMax) return latin1(bytes, start, length)
    let hash = length
    for (let index = 0; index < length; index++)
      hash = Math.imul(hash ^ (bytes[start + index] as number), 0x01000193)
    const place = (hash ^ (hash >>> 15)) & (places - 1)
    const known = this.texts[place]
    if (known !== undefined && isText(known, bytes, start, length)) return known
    const text = latin1(bytes, start, length)
    this.texts[place] = text
    return text
  }
}

function isText(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false
  for (let index = 0; index < length; index++)
    if (text.charCodeAt(index) !== bytes[start + index]) return false
  return true
}

function latin1({ buffer, byteOffset }: Uint8Array, start: number, length: number): string {
  return Buffer.from(buffer, byteOffset + start, length).toString('latin1')
}

/** Those of this thread: what it reads of events and of states is one string. */
export const shortTexts = new ShortTexts()
