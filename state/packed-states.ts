import { randomInt } from 'node:crypto'
import { PlaceTable } from './place-table.ts'

/** A record: hash, length of its key and a flag, owner, bytes of the state, bytes there is room for; key, state. */
const word = { hash: 0, key: 1, owner: 2, length: 3, room: 4 } as const
const HEAD_BYTES = 20
/** Beside the key's length: written again since the hand last came by. */
const WRITTEN_AGAIN = 0x8000_0000
const KEY_LENGTH = 0x7fff_ffff

const SEGMENT_BITS_MAX = 20
const SEGMENT_BITS_MIN = 14
const SEGMENTS_MIN = 8
/** Places are counted in fours of bytes, in 32 bits. */
const BYTES_MAX = 2 ** 34 - 2 ** SEGMENT_BITS_MAX
/** So much of a segment may stay when the hand comes by. */
const KEPT_PART_MAX = 0.75
/** A state that would take more of a segment is left to the store. */
const RECORD_PART_MAX = 0.25

interface Segment {
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  used: number
}

/**
 * Encoded states in memory, within a bound in bytes: a cache of what stores have, for users who are not among the
 * decoded ones. They lie off the heap without an object for each, so they take a fifth of what a decoded state takes,
 * and cost the collector nothing. It may forget any of them, and never answers bytes that were replaced.
 *
 * Records lie one after the other in segments, over which a hand goes round: what was written again since it last came
 * by moves to the front of its segment, and the rest makes room. All tasks of a lane share one, each as an owner.
 */
export class PackedStates {
  readonly #segmentBits: number
  readonly #segmentsMax: number
  readonly #segments: Segment[] = []
  readonly #table = new PlaceTable(place => this.#wordAt(place, word.hash))
  readonly #seed = randomInt(2 ** 31)
  #hand = 0
  #owners = 0

  /**
   * `bytesMax`: of records, 16 GiB at most; the table of their places takes a few hundredths more. Too few for a
   * segment keep nothing.
   */
  constructor(bytesMax: number) {
    const bits = Math.floor(Math.log2(Math.max(1, bytesMax / SEGMENTS_MIN)))
    this.#segmentBits = Math.min(SEGMENT_BITS_MAX, Math.max(SEGMENT_BITS_MIN, bits))
    this.#segmentsMax = Math.floor(Math.min(bytesMax, BYTES_MAX) / this.#segmentBytes)
  }

  /** How many states it has. */
  get count(): number {
    return this.#table.count
  }

  /** Bytes that it takes. */
  get byteLength(): number {
    return this.#segments.length * this.#segmentBytes + this.#table.byteLength
  }

  /** A number of one's own; what is under a number that nobody uses any more is forgotten with time. */
  newOwner(): number {
    return ++this.#owners
  }

  /** A copy of the state's bytes. */
  get(owner: number, key: string): Uint8Array | undefined {
    const slot = this.#find(owner, key, this.#hashOf(owner, key))
    if (slot < 0) return undefined
    const place = this.#table.placeIn(slot)
    const start = this.#within(place) + HEAD_BYTES + keyBytes(key.length)
    const { bytes } = this.#segmentOf(place)
    return bytes.slice(start, start + this.#wordAt(place, word.length))
  }

  set(owner: number, key: string, state: Uint8Array): void {
    const hash = this.#hashOf(owner, key)
    const slot = this.#find(owner, key, hash)
    if (slot >= 0) {
      if (this.#rewrite(this.#table.placeIn(slot), key, state)) return
      this.#table.free(slot)
    }
    const grown = slot >= 0
    const room = alignedTo4(state.length + (grown ? state.length >>> 3 : 0)) // what has grown may do so again
    const size = HEAD_BYTES + keyBytes(key.length) + room
    if (this.#segmentsMax === 0 || size > this.#segmentBytes * RECORD_PART_MAX) return
    const place = this.#placeFor(size)
    const { bytes, words } = this.#segmentOf(place)
    const start = this.#within(place)
    const head = start >>> 2
    words[head + word.hash] = hash
    words[head + word.key] = grown ? key.length | WRITTEN_AGAIN : key.length
    words[head + word.owner] = owner
    words[head + word.length] = state.length
    words[head + word.room] = room
    writeKey(bytes, start + HEAD_BYTES, key)
    bytes.set(state, start + HEAD_BYTES + keyBytes(key.length))
    this.#table.enter(hash, place)
  }

  delete(owner: number, key: string): void {
    const slot = this.#find(owner, key, this.#hashOf(owner, key))
    if (slot >= 0) this.#table.free(slot)
  }

  /** Answers whether the state fits where the one before it lies. */
  #rewrite(place: number, key: string, state: Uint8Array): boolean {
    if (state.length > this.#wordAt(place, word.room)) return false
    const { bytes, words } = this.#segmentOf(place)
    const start = this.#within(place)
    words[(start >>> 2) + word.key] = key.length | WRITTEN_AGAIN
    words[(start >>> 2) + word.length] = state.length
    bytes.set(state, start + HEAD_BYTES + keyBytes(key.length))
    return true
  }

  #placeFor(size: number): number {
    let segment = this.#segments[this.#hand]
    if (segment !== undefined && segment.used + size > this.#segmentBytes) {
      this.#hand = (this.#hand + 1) % this.#segmentsMax
      segment = this.#segments[this.#hand]
      if (segment !== undefined) this.#sweep(segment, this.#hand * this.#segmentBytes)
    }
    if (segment === undefined) {
      const bytes = new Uint8Array(this.#segmentBytes)
      segment = { bytes, words: new Uint32Array(bytes.buffer), used: 0 }
      this.#segments.push(segment)
    }
    const place = (this.#hand * this.#segmentBytes + segment.used) / 4
    segment.used += size
    return place
  }

  /** Makes room in a segment whose first byte is the `first` of all. */
  #sweep(segment: Segment, first: number): void {
    const { bytes, words, used } = segment
    const keptMax = this.#segmentBytes * KEPT_PART_MAX
    let kept = 0
    for (let at = 0, size = 0; at < used; at += size) {
      const head = at >>> 2
      const key = words[head + word.key] as number
      size = HEAD_BYTES + keyBytes(key & KEY_LENGTH) + (words[head + word.room] as number)
      const slot = this.#table.slotOf(words[head + word.hash] as number, (first + at) / 4)
      if (slot < 0) continue
      if ((key & WRITTEN_AGAIN) === 0 || kept + size > keptMax) {
        this.#table.free(slot)
        continue
      }
      words[head + word.key] = key & KEY_LENGTH
      bytes.copyWithin(kept, at, at + size)
      this.#table.move(slot, (first + kept) / 4)
      kept += size
    }
    segment.used = kept
  }

  /** The slot of the key's record, or -1. */
  #find(owner: number, key: string, hash: number): number {
    const table = this.#table
    for (let slot = table.first(hash); ; slot = table.after(slot)) {
      const place = table.placeIn(slot)
      if (place < 0) return -1
      const { bytes, words } = this.#segmentOf(place)
      const start = this.#within(place)
      const head = start >>> 2
      if (
        words[head + word.hash] === hash &&
        words[head + word.owner] === owner &&
        ((words[head + word.key] as number) & KEY_LENGTH) === key.length &&
        isKey(bytes, start + HEAD_BYTES, key)
      )
        return slot
    }
  }

  /** Seeded, so that nobody can choose ids that all lie in one place. */
  #hashOf(owner: number, key: string): number {
    let hash = this.#seed ^ Math.imul(owner, 0x9e3779b1)
    for (let at = 0; at < key.length; at++) {
      hash = Math.imul(hash ^ key.charCodeAt(at), 0x5bd1e995)
      hash ^= hash >>> 15
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    return (hash ^ (hash >>> 13)) >>> 0
  }

  get #segmentBytes(): number {
    return 1 << this.#segmentBits
  }

  #segmentOf(place: number): Segment {
    return this.#segments[place >>> (this.#segmentBits - 2)] as Segment
  }

  /** The first byte of a record in its segment. */
  #within(place: number): number {
    return (place << 2) & (this.#segmentBytes - 1)
  }

  #wordAt(place: number, field: number): number {
    return this.#segmentOf(place).words[(this.#within(place) >>> 2) + field] as number
  }
}

const alignedTo4 = (bytes: number): number => (bytes + 3) & ~3

/** Keys lie as UTF-16. */
const keyBytes = (length: number): number => alignedTo4(2 * length)

function writeKey(bytes: Uint8Array, start: number, key: string): void {
  for (let index = 0, at = start; index < key.length; index++) {
    const unit = key.charCodeAt(index)
    bytes[at++] = unit & 0xff
    bytes[at++] = unit >>> 8
  }
}

function isKey(bytes: Uint8Array, start: number, key: string): boolean {
  for (let index = 0, at = start; index < key.length; index++, at += 2)
    if (((bytes[at] as number) | ((bytes[at + 1] as number) << 8)) !== key.charCodeAt(index))
      return false
  return true
}
