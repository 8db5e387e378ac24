import { memberKey, segmentsOf } from './segment-keys.ts'

/** What an entry of a Map costs besides its content, about. */
const ENTRY_BYTES = 100
const none: readonly string[] = []
const empty = (): Changed => ({ rows: new Map(), members: new Map() })

/**
 * Told of each key whose row changed, after it did, with the segments that it entered or left; `undefined`: all rows
 * are gone.
 */
export type ChangeListener = (key: string | undefined, segments: readonly string[]) => void

/** What differs from the disk: rows by key, `undefined` for one that is gone; and who entered a segment, or left it. */
export interface Changed {
  readonly rows: Map<string, Buffer | undefined>
  /** By `memberKey`. */
  readonly members: Map<string, boolean>
}

/**
 * Rows newer than what is on the disk. Those on their way there stay here until they are, and for good when they
 * cannot be written: what was answered before is answered still.
 */
export class PendingRows {
  #pending = empty()
  #writing = empty()
  #bytes = 0

  /** Of what is not on its way to the disk yet. */
  get bytes(): number {
    return this.#bytes
  }

  has(key: string): boolean {
    return this.#pending.rows.has(key) || this.#writing.rows.has(key)
  }

  get(key: string): Buffer | undefined {
    return this.#pending.rows.has(key) ? this.#pending.rows.get(key) : this.#writing.rows.get(key)
  }

  /** Whether the key changed since the last write began. */
  isFresh(key: string): boolean {
    return this.#pending.rows.has(key)
  }

  /** Answers the segments that the key entered or left. */
  set(key: string, before: Buffer | undefined, after: Buffer | undefined): readonly string[] {
    this.#bytes += ENTRY_BYTES + key.length + (after?.length ?? 0)
    this.#pending.rows.set(key, after)
    const left = new Set(segmentsOf(before))
    const entered = segmentsOf(after).filter(name => !left.delete(name))
    for (const name of entered) this.#setMember(name, key, true)
    for (const name of left) this.#setMember(name, key, false)
    return entered.length + left.size === 0 ? none : [...entered, ...left]
  }

  #setMember(name: string, key: string, is: boolean): void {
    const member = memberKey(name, key)
    this.#bytes += ENTRY_BYTES + member.length
    this.#pending.members.set(member, is)
  }

  /** What is to be written now; `written` ends it. */
  beginWriting(): Changed {
    this.#writing = this.#pending
    this.#pending = empty()
    this.#bytes = 0
    return this.#writing
  }

  written(): void {
    this.#writing = empty()
  }

  /** What could not be written is to be written with the rest. */
  takeBack(): void {
    const { rows, members } = this.#writing
    for (const [key, row] of this.#pending.rows) rows.set(key, row)
    for (const [key, is] of this.#pending.members) members.set(key, is)
    this.#pending = this.#writing
    this.#writing = empty()
  }

  forget(): void {
    this.#pending = empty()
    this.#writing = empty()
    this.#bytes = 0
  }
}
