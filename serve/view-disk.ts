import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { ChangedRows } from './pending-rows.ts'
import { isIntact } from './row.ts'
import { memberRange, type SegmentMoves, segmentChanges, userOf } from './segment-keys.ts'
import {
  FORMAT,
  type Level,
  META,
  type Meta,
  neverOpened,
  openAnew,
  openOrRepair,
  saysFull,
  ViewError,
  viewError,
} from './view-level.ts'

const NOTHING = Buffer.alloc(0)
/** Put into a batch before requests have their turn: about 0.3 ms. */
const ROWS_A_TURN = 128
/** A disk that takes so much takes LevelDB's next files. */
const PROBE_BYTES = 256 << 10

/**
 * A view's database. It checks what it reads, byte by byte (LevelDB does not), and knows what is wrong with itself:
 * what fails is a `ViewError`.
 */
export class ViewDisk {
  readonly #folder: string
  #level: Level
  #rows: number
  #fault: ViewError | undefined
  #resetting = false

  /** One that is full begins with a fault, and without what lies there. Rejects with a `ViewError`. */
  static async open(folder: string): Promise<{ disk: ViewDisk; meta: Meta | undefined }> {
    try {
      const { level, meta } = await openOrRepair(folder)
      return { disk: new ViewDisk(folder, level, meta?.rows), meta }
    } catch (error) {
      if (!(error instanceof ViewError) || !saysFull(error)) throw error
      return { disk: new ViewDisk(folder, await neverOpened(folder), 0, error), meta: undefined }
    }
  }

  private constructor(folder: string, level: Level, rows = 0, fault?: ViewError) {
    this.#folder = folder
    this.#level = level
    this.#rows = rows
    this.#fault = fault
  }

  get rows(): number {
    return this.#rows
  }

  /** `failed`: it takes nothing more, see `mend`; `damaged`: what it has is not what was written, see `reset`. */
  get fault(): ViewError | undefined {
    return this.#fault
  }

  /** Read at once, on the event loop. */
  get(key: string): Buffer | undefined {
    if (this.#resetting) return undefined
    try {
      return this.#checked(this.#level.getSync(rowKey(key)))
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** In their order, read beside the event loop. */
  async getMany(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    try {
      const values = await this.#level.getMany(keys.map(rowKey))
      return values.map(bytes => this.#checked(bytes))
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** The same of any number of keys, some at a time. */
  async #rowsOf(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    const rows: (Buffer | undefined)[] = []
    for (let at = 0; at < keys.length; at += ROWS_A_TURN)
      rows.push(...(await this.getMany(keys.slice(at, at + ROWS_A_TURN))))
    return rows
  }

  /** In order of their keys. */
  async withPrefix(prefix: string, limit: number): Promise<[key: string, row: Buffer][]> {
    const range = { gte: rowKey(prefix), lt: `${rowKey(prefix)}\uffff`, limit }
    try {
      const entries = await this.#level.iterator(range).all()
      return entries.flatMap(([key, bytes]) => {
        const row = this.#checked(bytes)
        return row === undefined ? [] : [[key.slice(rowKey('').length), row] as [string, Buffer]]
      })
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** At most `limit` users of a segment after one of them, in order of their ids' bytes. */
  async members(segment: string, after: string | undefined, limit: number): Promise<string[]> {
    try {
      const keys = await this.#level.keys({ ...memberRange(segment, after), limit }).all()
      return keys.map(key => userOf(segment, key))
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /**
   * Everything or nothing, and synced. What a row was before is read here, for all at once: LevelDB merges tables for
   * reads that come one by one beside writes, which took ten times the processor time of the writes. Answers the
   * segments that were entered or left.
   */
  async write(rows: ChangedRows, meta: Omit<Meta, 'format' | 'rows'>): Promise<SegmentMoves> {
    try {
      const { members, moves, added } = segmentChanges(rows, await this.#rowsOf([...rows.keys()]))
      // Chained: an array of operations costs abstract-level five times the processor time, all at once.
      const batch = this.#level.batch()
      for (const [key, value] of rows) {
        if (value === undefined) batch.del(rowKey(key))
        else batch.put(rowKey(key), value)
        if (batch.length % ROWS_A_TURN === 0) await turn()
      }
      for (const [key, is] of members) {
        if (is) batch.put(key, NOTHING)
        else batch.del(key)
      }
      const all: Meta = { format: FORMAT, rows: this.#rows + added, ...meta }
      batch.put(META, Buffer.from(JSON.stringify(all)))
      await batch.write({ sync: true })
      this.#rows += added
      return moves
    } catch (error) {
      this.#fault ??= viewError(this.#folder, error)
      throw this.#fault
    }
  }

  /** Deletes all, and is empty. Until then it is empty for `get`, too. */
  async reset(): Promise<void> {
    this.#resetting = true
    await this.#level.close()
    this.#level = await openAnew(this.#folder)
    this.#resetting = false
    this.#rows = 0
    this.#fault = undefined
  }

  /**
   * After a write that failed LevelDB takes no other; opened anew it does, once the disk has room. Until then it stays
   * open, for what can be read. Answers what lies there: nothing where it was damaged, and is empty now.
   */
  async mend(): Promise<Meta | undefined> {
    try {
      await probe(this.#folder)
    } catch (error) {
      throw viewError(this.#folder, error)
    }
    await this.#level.close()
    const { level, meta } = await openOrRepair(this.#folder)
    this.#level = level
    this.#rows = meta?.rows ?? 0 // what failed may have come through
    this.#fault = undefined
    return meta
  }

  close(): Promise<void> {
    return this.#level.close()
  }

  #checked(bytes: Buffer | undefined): Buffer | undefined {
    if (bytes === undefined || isIntact(bytes)) return bytes
    const message = `the view in ${this.#folder} is damaged: a row is not what was written; it is read anew from its topic`
    throw new ViewError('damaged', message)
  }

  #failed(error: unknown): ViewError {
    const fault = viewError(this.#folder, error)
    if (fault.code === 'damaged') this.#fault = fault
    return fault
  }
}

async function probe(folder: string): Promise<void> {
  const path = join(folder, 'probe')
  try {
    await mkdir(folder, { recursive: true })
    const file = await open(path, 'w')
    try {
      await file.write(Buffer.alloc(PROBE_BYTES, 1))
      await file.sync()
    } finally {
      await file.close()
    }
  } finally {
    await rm(path, { force: true })
  }
}

function rowKey(key: string): string {
  return `row:${key}`
}
