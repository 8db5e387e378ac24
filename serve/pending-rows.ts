/** What an entry of a Map costs besides its content, about. */
const ENTRY_BYTES = 100

/**
 * Told of each key whose row changed, at once; and again with the segments that it entered or left, once the disk has
 * them. `undefined`: all rows are gone.
 */
export type ChangeListener = (key: string | undefined, segments: readonly string[]) => void

/** A row that differs from the disk; `undefined` for one that is gone. */
export type ChangedRow = readonly [key: string, row: Buffer | undefined]
/** By key. */
export type ChangedRows = Map<string, Buffer | undefined>

/**
 * Rows newer than what is on the disk. Those on their way there stay here until they are, and for good when they
 * cannot be written: what was answered before is answered still.
 */
export class PendingRows {
  #pending: ChangedRows = new Map()
  #writing: ChangedRows = new Map()
  #bytes = 0

  /** Of what is not on its way to the disk yet. */
  get bytes(): number {
    return this.#bytes
  }

  has(key: string): boolean {
    return this.#pending.has(key) || this.#writing.has(key)
  }

  get(key: string): Buffer | undefined {
    return this.#pending.has(key) ? this.#pending.get(key) : this.#writing.get(key)
  }

  /** Whether the key changed since the last write began. */
  isFresh(key: string): boolean {
    return this.#pending.has(key)
  }

  set(key: string, row: Buffer | undefined): void {
    this.#bytes += ENTRY_BYTES + key.length + (row?.length ?? 0)
    this.#pending.set(key, row)
  }

  /** What is to be written now; `written` ends it. */
  beginWriting(): ChangedRows {
    this.#writing = this.#pending
    this.#pending = new Map()
    this.#bytes = 0
    return this.#writing
  }

  written(): void {
    this.#writing = new Map()
  }

  /** What could not be written is to be written with the rest. */
  takeBack(): void {
    for (const [key, row] of this.#pending) this.#writing.set(key, row)
    this.#pending = this.#writing
    this.#writing = new Map()
  }

  forget(): void {
    this.#pending = new Map()
    this.#writing = new Map()
    this.#bytes = 0
  }
}
