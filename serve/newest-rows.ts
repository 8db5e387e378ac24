import type { PackedValues } from '../state/packed-values.ts'
import { type ChangedRows, PendingRows } from './pending-rows.ts'
import { ReadQueue } from './read-queue.ts'
import { decoded, type Row } from './row.ts'
import { RowMemory } from './row-memory.ts'
import type { ViewDisk } from './view-disk.ts'

type Disk = Pick<ViewDisk, 'rows' | 'get' | 'getMany' | 'surelyLacks'>

/** The newest row of each key, wherever it is: on its way to the disk, in memory, or on the disk alone. */
export class NewestRows {
  readonly pending = new PendingRows()
  readonly memory: RowMemory
  readonly #disk: Disk
  #asked = 0

  constructor(disk: Disk, packed: PackedValues) {
    this.#disk = disk
    this.memory = new RowMemory(new ReadQueue(keys => disk.getMany(keys)), packed)
    this.memory.expect(disk.rows)
  }

  /** How many rows were asked for so far. */
  get asked(): number {
    return this.#asked
  }

  /** Read at once, on the event loop. */
  get(key: string): Row | undefined {
    if (this.pending.has(key)) return decoded(this.pending.get(key))
    return this.memory.get(key) ?? decoded(this.#disk.get(key))
  }

  /** The row where it is in memory; else there may be none, or `find` has to look on the disk. */
  atHand(key: string): Row | undefined {
    this.#asked++
    return this.pending.has(key) ? decoded(this.pending.get(key)) : this.memory.get(key)
  }

  /** The same as `get`, read beside the event loop, and then kept in memory. */
  async find(key: string): Promise<Row | undefined> {
    if (this.pending.has(key)) return decoded(this.pending.get(key))
    return this.#disk.surelyLacks(key) ? undefined : this.memory.find(key)
  }

  /** The same of several keys, in their order. */
  findAll(keys: readonly string[]): Promise<(Row | undefined)[]> {
    return Promise.all(keys.map(key => this.find(key)))
  }

  /** Encoded rows; the disk is read beside the event loop, which answers meanwhile. */
  async encoded(keys: readonly string[]): Promise<ChangedRows> {
    const found: ChangedRows = new Map()
    const onDisk: string[] = []
    for (const key of keys) {
      // Memory is asked now: a flush that ends during the wait moves its keys to the disk.
      if (this.pending.has(key)) found.set(key, this.pending.get(key))
      else onDisk.push(key)
    }
    const values = onDisk.length === 0 ? [] : await this.#disk.getMany(onDisk)
    for (const [index, key] of onDisk.entries()) found.set(key, values[index])
    return found
  }

  /** `undefined`: the key has no row any more. */
  change(key: string, row: Buffer | undefined): void {
    this.pending.set(key, row)
    this.memory.change(key, row)
  }

  /** Takes rows of the disk into memory, between two writes: whatever changed since the last is pending. */
  remember(rows: readonly (readonly [key: string, row: Buffer])[]): void {
    for (const [key, row] of rows) if (!this.pending.has(key)) this.memory.add(key, row)
  }

  forget(): void {
    this.pending.forget()
    this.memory.clear()
  }
}
