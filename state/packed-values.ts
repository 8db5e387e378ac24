import { randomInt } from 'node:crypto'
import {
  alignedTo4,
  HEAD_BYTES,
  hashOf,
  isKey,
  KEY_LENGTH,
  keyBytes,
  type Segment,
  sizeAt,
  USED_AGAIN,
  wipe,
  word,
  writeKey,
} from './packed-record.ts'
import { PlaceTable } from './place-table.ts'

const SEGMENT_BITS_MAX = 20
const SEGMENT_BITS_MIN = 14
const SEGMENTS_MIN = 8
/** Places are counted in fours of bytes, in 32 bits. */
const BYTES_MAX = 2 ** 34 - 2 ** SEGMENT_BITS_MAX
/** So much of a segment may stay when the hand comes by. */
const KEPT_PART_MAX = 0.75
/** A value that would take more of a segment is left to the disk. */
const RECORD_PART_MAX = 0.25
/** Where records are smaller the table of places grows while they come. */
const RECORD_BYTES_EXPECTED = 256

/**
 * Encoded values by key in memory, within a bound in bytes: a cache of what lies on the disk. They lie off the heap
 * without an object for each, so they take a fifth of what a decoded state takes, and cost the collector nothing. It
 * may forget any of them, and never answers bytes that were replaced.
 *
 * Records lie one after the other in segments, over which a hand goes round. It moves what is still good to the front
 * of its segment; where that is more than three quarters, only what was used again since it last came by. Several may
 * share one, each as an owner: all tasks of a lane, all views of a process.
 */
export class PackedValues {
  readonly #segmentBits: number
  readonly #segmentsMax: number
  readonly #segments: Segment[] = []
  readonly #table = new PlaceTable(place => this.#wordAt(place, word.hash))
  readonly #seed = randomInt(2 ** 31)
  #hand = 0
  #rounds = 0
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

  /** How many values it has. */
  get count(): number {
    return this.#table.count
  }

  /** How often the hand has come to an end; until it first does, nothing was forgotten. */
  get rounds(): number {
    return this.#segmentsMax === 0 ? Infinity : this.#rounds
  }

  /** Bytes that it takes. */
  get byteLength(): number {
    return this.#segments.length * this.#segmentBytes + this.#table.byteLength
  }

  /** A number of one's own; what is under a number that nobody uses any more is forgotten with time. */
  newOwner(): number {
    return ++this.#owners
  }

  /** Room in the table of places for so many more: made while they come, it takes some 0.1 s of the last half million. */
  expect(count: number): void {
    const fitting = (this.#segmentsMax * this.#segmentBytes) / RECORD_BYTES_EXPECTED
    this.#table.expect(Math.min(this.count + count, fitting))
  }

  has(owner: number, key: string): boolean {
    return this.#find(owner, key, hashOf(this.#seed, owner, key)) >= 0
  }

  /** A copy of the value's bytes. */
  get(owner: number, key: string): Uint8Array | undefined {
    const slot = this.#find(owner, key, hashOf(this.#seed, owner, key))
    return slot < 0 ? undefined : this.#valueAt(this.#table.placeIn(slot)).slice()
  }

  /** The value's bytes where they lie, good until anything is set or deleted; what is looked at is forgotten last. */
  look(owner: number, key: string): Uint8Array | undefined {
    const slot = this.#find(owner, key, hashOf(this.#seed, owner, key))
    if (slot < 0) return undefined
    const place = this.#table.placeIn(slot)
    const { words } = this.#segmentOf(place)
    const at = (this.#within(place) >>> 2) + word.key
    words[at] = (words[at] as number) | USED_AGAIN
    return this.#valueAt(place)
  }

  set(owner: number, key: string, value: Uint8Array): void {
    const hash = hashOf(this.#seed, owner, key)
    const slot = this.#find(owner, key, hash)
    if (slot >= 0) {
      const before = this.#table.placeIn(slot)
      if (this.#rewrite(before, key, value)) return
      wipe(this.#segmentOf(before), this.#within(before))
      this.#table.free(slot)
    }
    const grown = slot >= 0
    const room = alignedTo4(value.length + (grown ? value.length >>> 3 : 0)) // what has grown may do so again
    const size = HEAD_BYTES + keyBytes(key.length) + room
    if (this.#segmentsMax === 0 || size > this.#segmentBytes * RECORD_PART_MAX) return
    const place = this.#placeFor(size)
    const { bytes, words } = this.#segmentOf(place)
    const start = this.#within(place)
    const head = start >>> 2
    words[head + word.hash] = hash
    words[head + word.key] = grown ? key.length | USED_AGAIN : key.length
    words[head + word.owner] = owner
    words[head + word.length] = value.length
    words[head + word.room] = room
    writeKey(bytes, start + HEAD_BYTES, key)
    bytes.set(value, start + HEAD_BYTES + keyBytes(key.length))
    this.#table.enter(hash, place)
  }

  delete(owner: number, key: string): void {
    const slot = this.#find(owner, key, hashOf(this.#seed, owner, key))
    if (slot < 0) return
    const place = this.#table.placeIn(slot)
    wipe(this.#segmentOf(place), this.#within(place))
    this.#table.free(slot)
  }

  /** Answers whether the value fits where the one before it lies. */
  #rewrite(place: number, key: string, value: Uint8Array): boolean {
    if (value.length > this.#wordAt(place, word.room)) return false
    const { bytes, words } = this.#segmentOf(place)
    const start = this.#within(place)
    words[(start >>> 2) + word.key] = key.length | USED_AGAIN
    words[(start >>> 2) + word.length] = value.length
    const from = start + HEAD_BYTES + keyBytes(key.length)
    bytes.fill(0, from, start + sizeAt(words, start >>> 2)).set(value, from)
    return true
  }

  #placeFor(size: number): number {
    let segment = this.#segments[this.#hand]
    if (segment !== undefined && segment.used + size > this.#segmentBytes) {
      this.#hand = (this.#hand + 1) % this.#segmentsMax
      if (this.#hand === 0) this.#rounds += 1
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
    const keepsAll = this.#goodBytes(segment, first) <= keptMax
    let kept = 0
    for (let at = 0, size = 0; at < used; at += size) {
      const head = at >>> 2
      const key = words[head + word.key] as number
      size = sizeAt(words, head)
      const slot = this.#table.slotOf(words[head + word.hash] as number, (first + at) / 4)
      if (slot < 0) continue
      if (!keepsAll && ((key & USED_AGAIN) === 0 || kept + size > keptMax)) {
        this.#table.free(slot)
        continue
      }
      words[head + word.key] = key & KEY_LENGTH
      bytes.copyWithin(kept, at, at + size)
      this.#table.move(slot, (first + kept) / 4)
      kept += size
    }
    bytes.fill(0, kept, used)
    segment.used = kept
  }

  /** Of the records that the table still has. */
  #goodBytes({ words, used }: Segment, first: number): number {
    let good = 0
    for (let at = 0, size = 0; at < used; at += size) {
      const head = at >>> 2
      size = sizeAt(words, head)
      if (this.#table.slotOf(words[head + word.hash] as number, (first + at) / 4) >= 0) good += size
    }
    return good
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

  #valueAt(place: number): Uint8Array {
    const { bytes, words } = this.#segmentOf(place)
    const start = this.#within(place)
    const head = start >>> 2
    const from = start + HEAD_BYTES + keyBytes((words[head + word.key] as number) & KEY_LENGTH)
    return bytes.subarray(from, from + (words[head + word.length] as number))
  }

  #wordAt(place: number, field: number): number {
    return this.#segmentOf(place).words[(this.#within(place) >>> 2) + field] as number
  }
}
