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
   * Up to `limit` timers of the index after `cursor` and due at or before `upTo`, by time, then key
   * (UTF-8 byte order). A hint: what fires is what the key's state says.
   */
  timers(cursor: TimerEntry | undefined, upTo: number, limit: number): TimerEntry[]
  /** Every key and its bytes, in order of key. */
  entries(): AsyncIterable<readonly [string, Uint8Array]>
  /** Bytes on the disk, roughly. */
  sizeBytes(): Promise<number>
  close(): Promise<void>
  /** Closes it and deletes all that it holds. */
  destroy(): Promise<void>
}

export interface Slice {
  /** `undefined` deletes the state. */
  readonly states: readonly (readonly [key: string, bytes: Uint8Array | undefined])[]
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
