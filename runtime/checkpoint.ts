import { timerAt } from '../state/codec.ts'
import { PackedValues } from '../state/packed-values.ts'
import type { Store, StoreProgress, TimerEntry } from '../state/store.ts'

/** Encoded states of commits that have ended, on their way into the store. */
interface Buffered {
  /** `null`: deleted, which the store does not know yet. */
  readonly bytes: Uint8Array | null
  /** Marker offset of the commit before the one that this comes from: what lies at or below it is older. */
  readonly floor: number
  readonly marker: number
  /** The time under which the store's index has the key's timer. */
  readonly indexedAt: number | undefined
}

export interface CommittedState {
  readonly key: string
  readonly bytes: Uint8Array | null
  readonly indexedAt: number | undefined
}

export const bufferBytesMax = 64 * 1024 * 1024
const sliceEntriesMax = 4_000

/**
 * Between the commits and the store. Entries lie in the order of their commits (a replaced one moves to the
 * end), so the oldest entry's `floor` is how far the store is complete.
 */
export class Checkpoint {
  readonly #store: Store
  /** Of what the store has, the states that were written last. */
  readonly #packed: PackedValues
  readonly #owner: number
  readonly #buffer = new Map<string, Buffered>()
  readonly #history: string
  #bytes = 0
  #marker: number
  #complete: number
  #newest: number
  #writtenAt: number
  #staleTimers: TimerEntry[] = []
  #storeReads = 0

  /** `progress`: as the store has it after a takeover. */
  constructor(store: Store, progress: StoreProgress, packed = new PackedValues(0)) {
    this.#store = store
    this.#packed = packed
    this.#owner = packed.newOwner()
    this.#history = progress.history
    this.#marker = progress.complete
    this.#complete = progress.complete
    this.#newest = progress.newest
    this.#writtenAt = progress.writtenAt
  }

  get bytes(): number {
    return this.#bytes
  }

  get entries(): number {
    return this.#buffer.size
  }

  /** How often the store was asked for a state. */
  get storeReads(): number {
    return this.#storeReads
  }

  /** The time of the timer of a state that is not written yet. */
  bufferedTimer(key: string): number | undefined {
    const bytes = this.#buffer.get(key)?.bytes
    return bytes ? timerAt(bytes) : undefined
  }

  /** A full buffer holds back the next commit. */
  get full(): boolean {
    return this.#bytes >= bufferBytesMax
  }

  /** The newest bytes of a key, from the buffer, the packed states or the store; `null`: it was deleted. */
  get(key: string): { bytes: Uint8Array | null; indexedAt: number | undefined } | undefined {
    const buffered = this.#buffer.get(key)
    if (buffered) return buffered
    const bytes = this.#packed.get(this.#owner, key) ?? this.#fromStore(key)
    return bytes && { bytes, indexedAt: timerAt(bytes) }
  }

  #fromStore(key: string): Uint8Array | undefined {
    this.#storeReads += 1
    return this.#store.get(key)
  }

  /** Takes over the states of a commit that has ended; `marker`: its marker's offset, `at`: broker time, epoch ms. */
  accept(states: readonly CommittedState[], marker: number, at: number): void {
    for (const { key, bytes, indexedAt } of states) {
      const before = this.#buffer.get(key)
      if (before) {
        this.#bytes -= sizeOf(before)
        this.#buffer.delete(key)
      }
      const entry = {
        bytes,
        floor: this.#marker,
        marker,
        indexedAt: before ? before.indexedAt : indexedAt,
      }
      this.#buffer.set(key, entry)
      this.#bytes += sizeOf(entry)
    }
    this.#marker = marker
    this.#writtenAt = at
  }

  /** An entry of the index that its key's state does not confirm; removed with the next slice. */
  removeTimer(timer: TimerEntry): void {
    if (this.#staleTimers.length < sliceEntriesMax) this.#staleTimers.push(timer)
  }

  /** Writes the oldest entries; answers the keys written, with the time now in the index. Empty: nothing was to do. */
  async writeSlice(): Promise<[key: string, timerAt: number | undefined][]> {
    const slice: [string, Buffered][] = []
    let next: Buffered | undefined
    for (const entry of this.#buffer) {
      if (slice.length === sliceEntriesMax) {
        next = entry[1]
        break
      }
      slice.push(entry)
    }
    const complete = next ? next.floor : this.#marker
    if (slice.length === 0 && complete === this.#complete && this.#staleTimers.length === 0)
      return []

    const timersAdded: TimerEntry[] = []
    const timersRemoved = this.#staleTimers
    this.#staleTimers = []
    const written: [string, number | undefined][] = []
    let newest = Math.max(this.#newest, complete)
    for (const [key, { bytes, marker, indexedAt }] of slice) {
      const time = bytes ? timerAt(bytes) : undefined
      if (indexedAt !== undefined && indexedAt !== time)
        timersRemoved.push({ time: indexedAt, key })
      if (time !== undefined && indexedAt !== time) timersAdded.push({ time, key })
      written.push([key, time])
      newest = Math.max(newest, marker)
    }
    await this.#store.write({
      states: slice.map(([key, { bytes }]) => [key, bytes ?? undefined] as const),
      timersAdded,
      timersRemoved,
      progress: { history: this.#history, complete, newest, writtenAt: this.#writtenAt },
    })
    this.#complete = complete
    this.#newest = newest
    for (const [index, [key, entry]] of slice.entries())
      this.#leave(key, entry, written[index]?.[1])
    return written
  }

  /** Writes all that is buffered now. */
  async flush(): Promise<void> {
    while (this.#buffer.size > 0 || this.#complete < this.#marker) {
      if ((await this.writeSlice()).length === 0) return
    }
  }

  #leave(key: string, written: Buffered, indexedAt: number | undefined): void {
    if (written.bytes) this.#packed.set(this.#owner, key, written.bytes)
    else this.#packed.delete(this.#owner, key)
    const current = this.#buffer.get(key)
    if (current === written) {
      this.#buffer.delete(key)
      this.#bytes -= sizeOf(written)
    } else if (current) {
      // Replaced meanwhile: the newer bytes stay, and the index now has what this slice put there.
      this.#buffer.set(key, { ...current, indexedAt }) // keeps its place
    }
  }
}

/** A deletion takes room too. */
const sizeOf = ({ bytes }: Buffered): number => bytes?.length ?? 64
