/** Of each key: one in a hundred that was never added is taken for one that was. */
const BITS_A_KEY = 10
const HASHES = 7
const KEYS_MIN = 1_000
/** 16 MiB. Of more keys more are mistaken, and looked up for nothing. */
const BITS_MAX = 1 << 27

/** Keys of which most that were never added are known to be none, in some ten bits each (Bloom 1970). */
export class KeyFilter {
  readonly #words: Uint32Array
  readonly #mask: number

  /** @param keys about how many will be added */
  constructor(keys: number) {
    const wanted = Math.min(BITS_MAX, Math.max(KEYS_MIN, keys) * BITS_A_KEY)
    const bits = 2 ** Math.ceil(Math.log2(wanted))
    this.#words = new Uint32Array(bits / 32)
    this.#mask = bits - 1
  }

  add(key: string): void {
    const step = hashOf(key, STEP_SEED) | 1
    let at = hashOf(key, PLACE_SEED)
    for (let probe = 0; probe < HASHES; probe++) {
      const bit = at & this.#mask
      this.#words[bit >>> 5] = (this.#words[bit >>> 5] ?? 0) | (1 << (bit & 31))
      at = (at + step) | 0
    }
  }

  /** `false`: it was never added. */
  mayHave(key: string): boolean {
    const step = hashOf(key, STEP_SEED) | 1
    let at = hashOf(key, PLACE_SEED)
    for (let probe = 0; probe < HASHES; probe++) {
      const bit = at & this.#mask
      if (((this.#words[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false
      at = (at + step) | 0
    }
    return true
  }
}

const PLACE_SEED = 0x811c9dc5
const STEP_SEED = 0x9747b28c

/** FNV-1a over the key's characters, its bits mixed at the end as murmur3 does. */
function hashOf(key: string, seed: number): number {
  let hash = seed
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}
