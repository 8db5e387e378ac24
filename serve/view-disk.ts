import { setImmediate as turn } from 'node:timers/promises'
import { probe } from './disk-probe.ts'
import { KeyFilter } from './key-filter.ts'
import type { ChangedRow, ChangedRows } from './pending-rows.ts'
import { isIntact } from './row.ts'
import { Scans } from './scans.ts'
import {
  memberRange,
  type SegmentChanges,
  type SegmentMove,
  segmentChanges,
  userOf,
} from './segment-keys.ts'
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
/** Less than any key: to merge tables from here to here merges none, and only ends what is gathered. */
const BEFORE_ALL = '\0'
/** Looked up and put into a batch before requests have their turn: less than a millisecond. */
const ROWS_A_TURN = 128

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
  /** All keys that may have a row here, where it began empty. */
  #keys: KeyFilter | undefined
  readonly #scans = new Scans()

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

  /** Told without reading, of most keys that were never there. */
  surelyLacks(key: string): boolean {
    if (this.#fault !== undefined) return false // nobody knows
    return this.#rows === 0 || this.#keys?.mayHave(key) === false
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

  /** In their order, read beside the event loop, but for those that cannot be there. */
  async getMany(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    const wanted = keys.filter(key => !this.surelyLacks(key))
    const values = wanted.length === 0 ? [] : await this.#read(wanted)
    if (wanted.length === keys.length) return values
    const byKey = new Map(wanted.map((key, at) => [key, values[at]]))
    return keys.map(key => byKey.get(key))
  }

  async #read(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    try {
      const values = await this.#level.getMany(keys.map(rowKey))
      return values.map(bytes => this.#checked(bytes))
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** In order of their keys. Rejects with `QueueFull` where too many wait. */
  async withPrefix(prefix: string, limit: number): Promise<[key: string, row: Buffer][]> {
    return this.#rowsIn({ gte: rowKey(prefix), lt: `${rowKey(prefix)}\uffff`, limit })
  }

  /** In order of their keys, from the first after this one. Rejects as `withPrefix` does. */
  async after(key: string, limit: number): Promise<[key: string, row: Buffer][]> {
    return this.#rowsIn({ gt: rowKey(key), lt: AFTER_ROWS, limit })
  }

  #rowsIn(range: { gte?: string; gt?: string; lt: string; limit: number }) {
    return this.#scanned(async () => {
      const entries = await this.#level.iterator(range).all()
      return entries.flatMap(([key, bytes]) => {
        const row = this.#checked(bytes)
        return row === undefined ? [] : [[key.slice(rowKey('').length), row] as [string, Buffer]]
      })
    })
  }

  /** At most `limit` users of a segment after one of them, in order of their ids' bytes. Rejects as `withPrefix` does. */
  async members(segment: string, after: string | undefined, limit: number): Promise<string[]> {
    const range = { ...memberRange(segment, after), limit }
    const keys = await this.#scanned(() => this.#level.keys(range).all())
    return keys.map(key => userOf(segment, key))
  }

  #scanned<Found>(scan: () => Promise<Found>): Promise<Found> {
    return this.#scans.inTurn(() =>
      scan().catch((error: unknown) => {
        throw this.#failed(error)
      }),
    )
  }

  /**
   * Everything or nothing, and synced. What a row was before is read here, for all at once: LevelDB merges tables for
   * reads that come one by one beside writes, which took ten times the processor time of the writes. Answers the
   * segments that were entered or left.
   */
  async write(
    rows: ChangedRows,
    meta: Omit<Meta, 'format' | 'rows'>,
  ): Promise<readonly SegmentMove[]> {
    try {
      const moves: SegmentMove[] = []
      let added = 0
      // Chained: an array of operations costs abstract-level five times the processor time, all at once.
      const batch = this.#level.batch()
      const all = [...rows]
      for (let at = 0; at < all.length; at += ROWS_A_TURN) {
        const some = all.slice(at, at + ROWS_A_TURN)
        const changes = segmentChanges(some, await this.getMany(some.map(([key]) => key)))
        put(batch, some, changes)
        for (const [key, row] of some) if (row !== undefined) this.#keys?.add(key)
        moves.push(...changes.moves)
        added += changes.added
        await turn()
      }
      const end: Meta = { format: FORMAT, rows: this.#rows + added, ...meta }
      batch.put(META, Buffer.from(JSON.stringify(end)))
      await batch.write({ sync: true })
      this.#rows += added
      return moves
    } catch (error) {
      this.#fault ??= viewError(this.#folder, error)
      throw this.#fault
    }
  }

  /** Deletes all, and is empty. Until then it is empty for `get`, too. @param rows about how many will come */
  async reset(rows: number): Promise<void> {
    this.#resetting = true
    await this.#level.close()
    this.#level = await openAnew(this.#folder)
    this.#resetting = false
    this.#keys = new KeyFilter(rows)
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

  /** What LevelDB has gathered becomes a table, so that the next start has nothing to read again. */
  async close(): Promise<void> {
    // What could not be made one lies in LevelDB's log all the same.
    if (this.#fault === undefined)
      await this.#level.compactRange(BEFORE_ALL, BEFORE_ALL).catch(() => undefined)
    await this.#level.close()
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

function put(
  batch: ReturnType<Level['batch']>,
  rows: readonly ChangedRow[],
  { members }: SegmentChanges,
): void {
  for (const [key, value] of rows) {
    if (value === undefined) batch.del(rowKey(key))
    else batch.put(rowKey(key), value)
  }
  for (const [key, is] of members) {
    if (is) batch.put(key, NOTHING)
    else batch.del(key)
  }
}

function rowKey(key: string): string {
  return `row:${key}`
}

/** More than the key of any row. */
const AFTER_ROWS = 'row;'
