import { asBuffer } from '../protocol/reader.ts'
import type { PackedValues } from '../state/packed-values.ts'
import type { ReadQueue } from './read-queue.ts'
import { decoded, type Row } from './row.ts'

/** Where nothing else is said. */
export const ROWS_BYTES_MAX = 64 << 20

/**
 * Rows in memory, as bytes off the heap: what a burst of requests asks for is answered without a disk, within one turn
 * of the event loop. All views of a process share its bytes.
 *
 * While there is room it takes every row, as it comes from the topic and, after a start, from the disk
 * (`fillMemory`). Once it is full it keeps what is asked for, and rows that are here already are changed; others that
 * nobody asked for are left to the disk.
 */
export class RowMemory {
  readonly #disk: Pick<ReadQueue, 'get'>
  readonly #packed: PackedValues
  #owner: number
  /** Filled when the hand of `packed` has come so far. */
  #fullAt: number
  /** Keys that are being read, by whom; those that change meanwhile leave it, since what is read of them may be old. */
  readonly #readings = new Map<string, symbol>()

  constructor(disk: Pick<ReadQueue, 'get'>, packed: PackedValues) {
    this.#disk = disk
    this.#packed = packed
    this.#owner = packed.newOwner()
    this.#fullAt = Math.max(1, packed.rounds)
  }

  /** Whether there is room for rows that nobody has asked for. */
  get hasRoom(): boolean {
    return this.#packed.rounds < this.#fullAt
  }

  get(key: string): Row | undefined {
    const bytes = this.#packed.look(this.#owner, key)
    return decoded(bytes && asBuffer(bytes))
  }

  /** From the disk where it is not in memory. */
  async find(key: string): Promise<Row | undefined> {
    const known = this.get(key)
    if (known !== undefined) return known
    const reading = Symbol()
    this.#readings.set(key, reading)
    try {
      const bytes = await this.#disk.get(key)
      if (bytes !== undefined && this.#readings.get(key) === reading)
        this.#packed.set(this.#owner, key, bytes)
      return decoded(bytes)
    } finally {
      if (this.#readings.get(key) === reading) this.#readings.delete(key)
    }
  }

  /** `undefined`: it is gone. */
  change(key: string, row: Buffer | undefined): void {
    this.#readings.delete(key)
    if (row === undefined) this.#packed.delete(this.#owner, key)
    else if (this.hasRoom || this.#packed.has(this.#owner, key))
      this.#packed.set(this.#owner, key, row)
  }

  /** Takes what the disk has, which is no newer than what is here. */
  add(key: string, row: Buffer): void {
    if (!this.#packed.has(this.#owner, key)) this.#packed.set(this.#owner, key, row)
  }

  /** @param rows about how many will come */
  expect(rows: number): void {
    this.#packed.expect(rows)
  }

  clear(): void {
    this.#owner = this.#packed.newOwner()
    this.#fullAt = this.#packed.rounds + 2 // in a whole round of the hand what was here makes room
    this.#readings.clear()
  }
}
