import { PackedValues } from '../state/packed-values.ts'
import { NewestOffsets } from './newest-offsets.ts'
import { NewestRows } from './newest-rows.ts'
import type { ChangeListener } from './pending-rows.ts'
import type { Progress } from './progress.ts'
import { decodeRow, isOlder, type Row, versionOf } from './row.ts'
import { ROWS_BYTES_MAX } from './row-memory.ts'
import { ViewDisk } from './view-disk.ts'
import type { Meta, ViewError } from './view-level.ts'

/** What one topic's record does to a key: an encoded row takes its place, a tombstone (`undefined`) removes it. */
export type Change = readonly [key: string, row: Buffer | undefined]

export interface Applied {
  readonly applied: number
  /** Rows that were not taken, because the view has a newer one. */
  readonly older: number
}

/** As much again may be on its way to the disk. */
const PENDING_BYTES_MAX = 4 << 20
/** Read in some 2 ms, a third of which is the event loop's. */
const FILL_ROWS = 256

/** Opens the view in `folder`, making it where there is none. Rejects with a `ViewError`. */
export async function openView(
  folder: string,
  packed = new PackedValues(ROWS_BYTES_MAX),
): Promise<View> {
  const { disk, meta } = await ViewDisk.open(folder)
  return new View(disk, meta, packed)
}

/**
 * The newest row of every key of one topic, and how far the topic was read. A change is visible at once, from
 * memory; `flush` puts all changes and the progress that belongs to them on the disk, in one synced write
 * (LevelDB may lose an unsynced write and keep a later one). So what is on the disk is always a true earlier state.
 */
export class View {
  readonly #disk: ViewDisk
  #topic = ''
  #partitions: Progress[] = []
  #offsets = new NewestOffsets()
  readonly #rows: NewestRows
  #changed = false
  /** Ends with the last write. After one that failed none is tried, since it would leave a hole before itself. */
  #turn: Promise<void> = Promise.resolve()
  readonly #listeners = new Set<ChangeListener>()

  constructor(disk: ViewDisk, meta: Meta | undefined, packed: PackedValues) {
    this.#disk = disk
    this.#rows = new NewestRows(disk, packed)
    this.#become(meta)
  }

  /** What is wrong with its disk: `failed` is for `mend`, `damaged` for `reset`. */
  get fault(): ViewError | undefined {
    return this.#disk.fault
  }

  /** '' in a new view. */
  get topic(): string {
    return this.#topic
  }

  get partitions(): readonly Progress[] {
    return this.#partitions
  }

  /** How many keys have a row on the disk. */
  get rows(): number {
    return this.#disk.rows
  }

  /** Whether rows or positions changed since the last flush. */
  get changed(): boolean {
    return this.#changed
  }

  /** Where each key is looked for. */
  get newest(): Pick<NewestRows, 'asked' | 'get' | 'atHand' | 'find' | 'findAll'> {
    return this.#rows
  }

  /**
   * Rows whose keys begin so, in order of their keys, as they lie on the disk: a change of the last second may be
   * missing.
   */
  async withPrefix(prefix: string, limit: number): Promise<[key: string, row: Row][]> {
    const entries = await this.#disk.withPrefix(prefix, limit)
    return entries.map(([key, bytes]) => [key, decodeRow(bytes)])
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
    const users = await this.#disk.members(segment, after, limit + 1)
    return { users: users.slice(0, limit), more: users.length > limit }
  }

  /** The answer ends it. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes in what an answer of the broker brought of one partition, each key once. One call at a time. */
  async apply(partition: number, changes: readonly Change[], progress: Progress): Promise<Applied> {
    const doubtful = changes.filter(([, row]) => this.#offsets.doubts(partition, row))
    const doubted = doubtful.map(([key]) => key)
    const found = await this.#rows.encoded(doubted)
    const { pending } = this.#rows
    let older = 0
    for (const [key, row] of changes) {
      if (this.#offsets.doubts(partition, row)) {
        const before = pending.isFresh(key) ? pending.get(key) : found.get(key)
        if (row && before && isOlder(versionOf(row), versionOf(before))) {
          older++
          continue
        }
      }
      this.#rows.change(key, row)
      for (const tell of this.#listeners) tell(key, [])
    }
    this.#offsets.took(partition, changes)
    if (progress.next !== this.#partitions[partition]?.next) this.#changed = true
    this.#partitions[partition] = progress
    if (pending.bytes >= PENDING_BYTES_MAX) await this.#flushBeside()
    return { applied: changes.length - older, older }
  }

  /**
   * Takes some rows from the disk into memory, of keys after this one, and answers the last of them; `undefined` once
   * there are no more, or there is no room. Rejects where the disk could not be read.
   */
  async fillAfter(key: string): Promise<string | undefined> {
    let read: Promise<string | undefined> | undefined
    await this.#inTurn(async () => {
      read = this.#fill(key)
      await read.catch(() => undefined) // nothing was written: the writes after it are as good as before
    })
    return read
  }

  async #fill(key: string): Promise<string | undefined> {
    if (!this.#rows.memory.hasRoom) return undefined
    const rows = await this.#disk.after(key, FILL_ROWS)
    this.#rows.remember(rows)
    return rows.at(-1)?.[0]
  }

  /** Puts everything on the disk. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#write())
  }

  /** Begins it once the one before has ended: rows are read on while the disk takes those before them. */
  async #flushBeside(): Promise<void> {
    await this.#turn
    this.flush().catch(() => undefined) // told by the next one, and by `fault`
  }

  /** Forgets everything, and is the empty view of this topic, of about so many rows, whatever was wrong with it. */
  reset(topic: string, partitions: readonly Progress[], rows = 0): Promise<void> {
    return this.#anew(async () => {
      this.#rows.memory.clear()
      this.#rows.memory.expect(rows)
      await this.#disk.reset(rows)
      this.#forget()
      this.#topic = topic
      this.#partitions = [...partitions]
      this.#offsets = new NewestOffsets(partitions.map(() => -1))
      await this.#write()
    })
  }

  /**
   * Writes again after a write that failed, once the disk takes something. Rejects with a `ViewError` while it does not;
   * what could be read until then still can.
   */
  mend(): Promise<void> {
    return this.#anew(async () => {
      const meta = await this.#disk.mend()
      if (this.#topic === '') {
        this.#become(meta) // it could not be opened before
        this.#rows.memory.expect(this.#disk.rows)
      } else if (meta?.topic !== this.#topic) this.#forget()
      this.#rows.pending.takeBack()
      await this.#write()
    })
  }

  async close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      await this.#disk.close()
    }
  }

  #become(meta: Meta | undefined): void {
    if (meta === undefined) return
    this.#topic = meta.topic
    this.#partitions = [...meta.partitions]
    this.#offsets = new NewestOffsets(meta.newest)
  }

  #forget(): void {
    this.#rows.forget()
    this.#topic = ''
    this.#partitions = []
    this.#offsets = new NewestOffsets()
    for (const tell of this.#listeners) tell(undefined, [])
  }

  /** One change of what is on the disk after the other; an earlier one that failed fails the later ones, too. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(change)
    return this.#turn
  }

  /** The same whatever became of the earlier ones. */
  #anew(change: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(change, change)
    return this.#turn
  }

  async #write(): Promise<void> {
    const changed = this.#rows.pending.beginWriting()
    this.#changed = false
    const partitions = [...this.#partitions]
    const meta = { topic: this.#topic, partitions, newest: this.#offsets.all }
    const moves = await this.#disk.write(changed, meta)
    this.#rows.pending.written()
    for (const [key, segments] of moves) for (const tell of this.#listeners) tell(key, segments)
  }
}
