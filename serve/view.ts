import { type ChangeListener, PendingRows } from './pending-rows.ts'
import type { Progress } from './progress.ts'
import { decodeRow, encodeRow, isOlder, type Row, versionOf } from './row.ts'
import { memberRange, userOf } from './segment-keys.ts'
import {
  FORMAT,
  type Level,
  META,
  type Meta,
  openAnew,
  openOrRepair,
  viewError,
} from './view-level.ts'

/** What one topic's record does to a key: a row takes its place, a tombstone (`undefined`) removes it. */
export type Change = readonly [key: string, row: Row | undefined]

export interface Applied {
  readonly applied: number
  /** Rows that were not taken, because the view has a newer one. */
  readonly older: number
}

const NOTHING = Buffer.alloc(0)
/** Few enough rows that filling the batch does not hold up requests: about 30 ms. */
const PENDING_BYTES_MAX = 4 << 20

/** Opens the view in `folder`, making it where there is none. Rejects with a `ViewError`. */
export async function openView(folder: string): Promise<View> {
  const { level, meta } = await openOrRepair(folder)
  return new View(folder, level, meta)
}

/**
 * The newest row of every key of one topic, and how far the topic was read. A change is visible at once, from
 * memory; `flush` puts all changes and the progress that belongs to them on the disk, in one synced write
 * (LevelDB may lose an unsynced write and keep a later one). So what is on the disk is always a true earlier state.
 */
export class View {
  readonly #folder: string
  #level: Level
  #topic = ''
  #rows = 0
  #partitions: Progress[] = []
  readonly #pending = new PendingRows()
  #changed = false
  /** Ends with the last write. After one that failed none is tried, since it would leave a hole before itself. */
  #turn: Promise<void> = Promise.resolve()
  #resetting = false
  readonly #listeners = new Set<ChangeListener>()

  constructor(folder: string, level: Level, meta: Meta | undefined) {
    this.#folder = folder
    this.#level = level
    if (meta === undefined) return
    this.#topic = meta.topic
    this.#rows = meta.rows
    this.#partitions = [...meta.partitions]
  }

  /** '' in a new view. */
  get topic(): string {
    return this.#topic
  }

  get partitions(): readonly Progress[] {
    return this.#partitions
  }

  /** How many keys have a row. */
  get rows(): number {
    return this.#rows
  }

  /** Whether rows or positions changed since the last flush. */
  get changed(): boolean {
    return this.#changed
  }

  get(key: string): Row | undefined {
    const bytes = this.#pending.has(key) ? this.#pending.get(key) : this.#fromDisk(key)
    return bytes === undefined ? undefined : decodeRow(bytes)
  }

  /** The same of several keys, in their order, read beside the event loop. */
  async findAll(keys: readonly string[]): Promise<(Row | undefined)[]> {
    const found = await this.#find(keys)
    return keys.map(key => {
      const bytes = found.get(key)
      return bytes === undefined ? undefined : decodeRow(bytes)
    })
  }

  /**
   * Rows whose keys begin so, in order of their keys, as they lie on the disk: a change of the last second may be
   * missing.
   */
  async withPrefix(prefix: string, limit: number): Promise<[key: string, row: Row][]> {
    const range = { gte: rowKey(prefix), lt: `${rowKey(prefix)}\uffff`, limit }
    try {
      const entries = await this.#level.iterator(range).all()
      return entries.map(([key, bytes]) => [key.slice(rowKey('').length), decodeRow(bytes)])
    } catch (error) {
      throw viewError(this.#folder, error)
    }
  }

  /**
   * Users of a segment after one of them, in order of their ids' bytes, as the disk has them: who entered within the
   * last second may be missing.
   */
  async members(
    segment: string,
    after: string | undefined,
    limit: number,
  ): Promise<{ users: string[]; more: boolean }> {
    try {
      const range = { ...memberRange(segment, after), limit: limit + 1 }
      const keys = await this.#level.keys(range).all()
      const users = keys.slice(0, limit).map(key => userOf(segment, key))
      return { users, more: keys.length > limit }
    } catch (error) {
      throw viewError(this.#folder, error)
    }
  }

  /** The answer ends it. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes in what an answer of the broker brought of one partition. One call at a time. */
  async apply(partition: number, changes: readonly Change[], progress: Progress): Promise<Applied> {
    const found = await this.#find(changes.map(([key]) => key))
    let older = 0
    for (const [key, row] of changes) {
      const before = this.#pending.isFresh(key) ? this.#pending.get(key) : found.get(key)
      if (row !== undefined && before !== undefined && isOlder(row.version, versionOf(before))) {
        older++
        continue
      }
      const after = row === undefined ? undefined : encodeRow(row)
      this.#rows += Number(after !== undefined) - Number(before !== undefined)
      const segments = this.#pending.set(key, before, after)
      for (const tell of this.#listeners) tell(key, segments)
    }
    if (progress.next !== this.#partitions[partition]?.next) this.#changed = true
    this.#partitions[partition] = progress
    if (this.#pending.bytes >= PENDING_BYTES_MAX) await this.flush()
    return { applied: changes.length - older, older }
  }

  /** Puts everything on the disk. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#write())
  }

  /** Forgets everything, and is the empty view of this topic from now on. */
  reset(topic: string, partitions: readonly Progress[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#resetting = true
      await this.#level.close()
      this.#level = await openAnew(this.#folder)
      this.#resetting = false
      this.#pending.forget()
      this.#topic = topic
      this.#rows = 0
      this.#partitions = [...partitions]
      for (const tell of this.#listeners) tell(undefined, [])
      await this.#write()
    })
  }

  async close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      await this.#level.close()
    }
  }

  #fromDisk(key: string): Buffer | undefined {
    if (this.#resetting) return undefined
    try {
      return this.#level.getSync(rowKey(key))
    } catch (error) {
      throw viewError(this.#folder, error)
    }
  }

  /** What the view has of the keys; the disk is read beside the event loop, which answers meanwhile. */
  async #find(keys: readonly string[]): Promise<ReadonlyMap<string, Buffer | undefined>> {
    const found = new Map<string, Buffer | undefined>()
    const onDisk: string[] = []
    for (const key of keys) {
      // Memory is asked now: a flush that ends during the wait moves its keys to the disk.
      if (this.#pending.has(key)) found.set(key, this.#pending.get(key))
      else onDisk.push(key)
    }
    if (onDisk.length === 0) return found
    try {
      const values = await this.#level.getMany(onDisk.map(rowKey))
      for (const [index, key] of onDisk.entries()) found.set(key, values[index])
      return found
    } catch (error) {
      throw viewError(this.#folder, error)
    }
  }

  /** One change of what is on the disk after the other; an earlier one that failed fails the later ones, too. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(change)
    return this.#turn
  }

  async #write(): Promise<void> {
    const { rows, members } = this.#pending.beginWriting()
    this.#changed = false
    try {
      // Chained: an array of operations costs abstract-level five times the processor time, all at once.
      const batch = this.#level.batch()
      for (const [key, value] of rows) {
        if (value === undefined) batch.del(rowKey(key))
        else batch.put(rowKey(key), value)
      }
      for (const [key, is] of members) {
        if (is) batch.put(key, NOTHING)
        else batch.del(key)
      }
      batch.put(META, Buffer.from(JSON.stringify(this.#meta())))
      await batch.write({ sync: true })
    } catch (error) {
      throw viewError(this.#folder, error)
    }
    this.#pending.written()
  }

  #meta(): Meta {
    return { format: FORMAT, topic: this.#topic, rows: this.#rows, partitions: this.#partitions }
  }
}

function rowKey(key: string): string {
  return `row:${key}`
}
