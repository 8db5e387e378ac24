/**
 * Where a record of some hash lies: a table by open addressing, four to eight bytes for each place. A place is a whole
 * number below 2^32 - 1; whoever has the records says whose hash a place has, and which of several is meant.
 */
export class PlaceTable {
  readonly #hashAt: (place: number) => number
  /** Places plus 1; 0: free. */
  #slots = new Uint32Array(1024)
  #count = 0

  /** `hashAt`: of the record at a place, unsigned 32 bits, as it was entered. */
  constructor(hashAt: (place: number) => number) {
    this.#hashAt = hashAt
  }

  get count(): number {
    return this.#count
  }

  get byteLength(): number {
    return this.#slots.byteLength
  }

  /** The slot in which to look first; then go on with `after` until `placeIn` answers -1. */
  first(hash: number): number {
    return hash & (this.#slots.length - 1)
  }

  after(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1)
  }

  /** What a slot has, or -1: nothing, and so ends what can have that hash. */
  placeIn(slot: number): number {
    return (this.#slots[slot] as number) - 1
  }

  /** The slot that has this very place, or -1. */
  slotOf(hash: number, place: number): number {
    for (let slot = this.first(hash); ; slot = this.after(slot)) {
      const found = this.placeIn(slot)
      if (found === place) return slot
      if (found < 0) return -1
    }
  }

  /** Grows for so many at once. */
  expect(count: number): void {
    const wanted = 2 ** Math.ceil(Math.log2(2 * Math.max(1, count)))
    if (wanted > this.#slots.length) this.#grow(wanted)
  }

  enter(hash: number, place: number): void {
    if (2 * (this.#count + 1) > this.#slots.length) this.#grow(2 * this.#slots.length)
    this.#count += 1
    this.#put(hash, place + 1)
  }

  move(slot: number, place: number): void {
    this.#slots[slot] = place + 1
  }

  /** Empties a slot, and moves what follows to where it is found without it. */
  free(slot: number): void {
    const mask = this.#slots.length - 1
    let hole = slot
    for (let next = this.after(slot); this.#slots[next] !== 0; next = this.after(next)) {
      const home = this.#hashAt(this.placeIn(next)) & mask
      if (((next - home) & mask) < ((next - hole) & mask)) continue
      this.#slots[hole] = this.#slots[next] as number
      hole = next
    }
    this.#slots[hole] = 0
    this.#count -= 1
  }

  #grow(slots: number): void {
    const before = this.#slots
    this.#slots = new Uint32Array(slots)
    for (const entry of before) if (entry !== 0) this.#put(this.#hashAt(entry - 1), entry)
  }

  #put(hash: number, entry: number): void {
    let slot = this.first(hash)
    while (this.#slots[slot] !== 0) slot = this.after(slot)
    this.#slots[slot] = entry
  }
}
