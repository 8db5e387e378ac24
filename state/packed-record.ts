/** A record: hash, length of its key and a flag, owner, bytes of the value, bytes there is room for; key, value. */
export const word = { hash: 0, key: 1, owner: 2, length: 3, room: 4 } as const
export const HEAD_BYTES = 20
/** Beside the key's length: written again, or looked at, since the hand last came by. */
export const USED_AGAIN = 0x8000_0000
export const KEY_LENGTH = 0x7fff_ffff

/** Records lie in it one after the other. */
export interface Segment {
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  used: number
}

export const alignedTo4 = (bytes: number): number => (bytes + 3) & ~3

/** Of the whole record. */
export function sizeAt(words: Uint32Array, head: number): number {
  const key = (words[head + word.key] as number) & KEY_LENGTH
  return HEAD_BYTES + keyBytes(key) + (words[head + word.room] as number)
}

/** Key and value of what is gone do not stay where they lay: it may be an erased person's. */
export function wipe({ bytes, words }: Segment, start: number): void {
  bytes.fill(0, start + HEAD_BYTES, start + sizeAt(words, start >>> 2))
}

/** Keys lie as UTF-16. */
export const keyBytes = (length: number): number => alignedTo4(2 * length)

export function writeKey(bytes: Uint8Array, start: number, key: string): void {
  for (let index = 0, at = start; index < key.length; index++) {
    const unit = key.charCodeAt(index)
    bytes[at++] = unit & 0xff
    bytes[at++] = unit >>> 8
  }
}

export function isKey(bytes: Uint8Array, start: number, key: string): boolean {
  for (let index = 0, at = start; index < key.length; index++, at += 2)
    if (((bytes[at] as number) | ((bytes[at + 1] as number) << 8)) !== key.charCodeAt(index))
      return false
  return true
}

/** The seed is random, so that nobody can choose ids that all lie in one place. */
export function hashOf(seed: number, owner: number, key: string): number {
  let hash = seed ^ Math.imul(owner, 0x9e3779b1)
  for (let at = 0; at < key.length; at++) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x5bd1e995)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
