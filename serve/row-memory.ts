import type { ReadQueue } from './read-queue.ts'
import { decoded, type Row } from './row.ts'

/** What a row costs besides its text and its key, about. */
const ENTRY_BYTES = 250
const BYTES_MAX = 64 << 20

/**
 * Rows that were read from the disk lately, up to 64 MiB: an email that is opened asks for one person several times, by
 * each of its blocks and pictures. A change of a row forgets it at once.
 *
 * Two generations stand for an order of last use: whoever is asked for moves to the younger one, and when that is full
 * the older one goes, all at once, which costs nobody a millisecond.
 */
export class RowMemory {
  readonly #disk: Pick<ReadQueue, 'get'>
  readonly #bytesMax: number
  #young = new Map<string, Row>()
  #old = new Map<string, Row>()
  #youngBytes = 0
  /** Keys that are being read, by whom; those that change meanwhile leave it, since what is read of them may be old. */
  readonly #readings = new Map<string, symbol>()

  constructor(disk: Pick<ReadQueue, 'get'>, bytesMax = BYTES_MAX) {
    this.#disk = disk
    this.#bytesMax = bytesMax
  }

  get(key: string): Row | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old === undefined) return undefined
    this.#old.delete(key)
    this.#keep(key, old)
    return old
  }

  /** From the disk where it is not in memory. */
  async find(key: string): Promise<Row | undefined> {
    const known = this.get(key)
    if (known !== undefined) return known
    const reading = Symbol()
    this.#readings.set(key, reading)
    try {
      const row = decoded(await this.#disk.get(key))
      if (row !== undefined && this.#readings.get(key) === reading) this.#keep(key, row)
      return row
    } finally {
      if (this.#readings.get(key) === reading) this.#readings.delete(key)
    }
  }

  forget(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
    this.#readings.delete(key)
  }

  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#youngBytes = 0
    this.#readings.clear()
  }

  #keep(key: string, row: Row): void {
    this.#young.set(key, row)
    // What is forgotten still counts until its generation ends: fewer are kept then, and never more.
    this.#youngBytes += ENTRY_BYTES + 2 * (key.length + row.json.length)
    if (this.#youngBytes <= this.#bytesMax / 2) return
    this.#old = this.#young
    this.#young = new Map()
    this.#youngBytes = 0
  }
}
