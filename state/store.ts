/**
 * One task's local store: encoded states by key, an index of their timers, and how far it has come.
 * It holds nothing that is not committed, and can be thrown away at any time. One thread uses it.
 */
export interface Store {
  /** The state's bytes as last written, or `undefined`. Synchronous: the hot path calls it. */
  get(key: string): Uint8Array | undefined
  /** How far it has come; `undefined` in a new store. */
  readonly progress: StoreProgress | undefined
  /** Writes all of the slice or nothing, and resolves when it is on the disk (`sync`). One call at a time. */
  write(slice: Slice): Promise<void>
  /**
   * Up to `limit` timers (at most `timersAtOnceMax`) of the index after `cursor` and due at or before
   * `upTo`, by time, then key (UTF-8 byte order). Fewer than `limit`: there are no more. A hint: what
   * fires is what the key's state says. `undefined`: they are not in memory; await `loadTimers` with
   * the same cursor and ask again (LevelDB has no synchronous iterator, so a bounded page of the index
   * stays in memory, at first its beginning).
   */
  timers(cursor: TimerEntry | undefined, upTo: number, limit: number): TimerEntry[] | undefined
  /** Brings the timers after `cursor` into memory, so that `timers` answers from there. */
  loadTimers(cursor: TimerEntry | undefined): Promise<void>
  /** Every key and its bytes, in order of key. */
  entries(): AsyncIterable<readonly [string, Uint8Array]>
  /** Bytes on the disk, roughly. */
  sizeBytes(): Promise<number>
  close(): Promise<void>
  /** Closes it and deletes all that it holds. */
  destroy(): Promise<void>
}

/** The most that one call of `timers` may ask for. */
export const timersAtOnceMax = 1_000

export interface Slice {
  /** Keys are well-formed strings (no lone surrogates): they are stored as UTF-8. `undefined` deletes the state. */
  readonly states: readonly (readonly [key: string, bytes: Uint8Array | undefined])[]
  /** A timer in both lists stays. */
  readonly timersAdded: readonly TimerEntry[]
  readonly timersRemoved: readonly TimerEntry[]
  readonly progress: StoreProgress
}

export interface TimerEntry {
  /** Epoch ms of event time; a whole number, never negative. */
  readonly time: number
  readonly key: string
}

export interface StoreProgress {
  /** Random id of the task's first commit; tells topics made anew apart. */
  readonly history: string
  /** Changelog offset at or below which every change is in the store; a restore starts after it. -1: none. */
  readonly complete: number
  /** The newest changelog offset that any state in the store comes from. -1: none. */
  readonly newest: number
  /** Broker time of the newest commit in it, epoch ms. */
  readonly writtenAt: number
}

export class StoreError extends Error {
  override readonly name = 'StoreError'
  /** `locked`: another process has the folder open. `corrupt`: throw it away and restore. `failed`: the disk. */
  readonly code: 'locked' | 'corrupt' | 'failed'

  constructor(code: StoreError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
