import type { Job } from '../jobs/job.ts'
import type { TimerEntry } from '../state/store.ts'
import { Packer } from './appends.ts'
import type { Checkpoint, CommittedState } from './checkpoint.ts'
import { decodeEntity, type Entity, encodeEntity, newEntity } from './entity.ts'
import { RowWriter } from './row-writer.ts'

/** Most keys and bytes that one commit may carry; then the task waits for the running one. */
export const dirtyKeysMax = 50_000
export const dirtyBytesMax = 32 * 1024 * 1024
/** Framing, headers and a row's JSON cost about this much beside the state itself. */
const rowBytesGuess = 512

/**
 * The decoded keys in memory. A read goes cache → buffer → packed states → store. What has changed since the last commit is dirty,
 * and stays; the rest may leave when the cache is full, least recently used first, as its bytes are in the
 * buffer or the store.
 */
export class States<State = unknown> {
  readonly #job: Job<State>
  readonly #checkpoint: Checkpoint
  readonly #bounds: { readonly keysMax: number }
  readonly #sendsEarly: boolean
  readonly #rowWriter: RowWriter<State>
  readonly #cache = new Map<string, Entity<State>>()
  /**
   * Where the sweep goes on. One that begins at the front each time would first pass over all that has left: a Map
   * forgets the places of what was deleted only when it grows or shrinks.
   */
  #hand = this.#cache.values()
  #dirty: Entity<State>[] = []
  #dirtyBytes = 0
  #unsent = new Set<Entity<State>>()
  /** Of a job that has a row for each event: those that nothing has sent yet, and those that may not go out yet. */
  #rows = new Packer(0)
  #held = new Packer(0)
  /** Keys whose tombstones are in the commit that is running: no row may overtake these. */
  #dropping: ReadonlySet<string> = new Set()

  /** `sendsEarly`: rows go out before their commit, so what is not sent yet is kept apart from what is dirty. */
  constructor(
    job: Job<State>,
    checkpoint: Checkpoint,
    bounds: { readonly keysMax: number },
    sendsEarly: boolean,
  ) {
    this.#sendsEarly = sendsEarly
    this.#job = job
    this.#rowWriter = new RowWriter(job)
    this.#checkpoint = checkpoint
    this.#bounds = bounds
  }

  get cached(): number {
    return this.#cache.size
  }

  get dirtyKeys(): number {
    return this.#dirty.length
  }

  get full(): boolean {
    return (
      Math.max(this.#dirty.length, this.#rows.count + this.#held.count) >= dirtyKeysMax ||
      this.#dirtyBytes + this.#rows.byteLength + this.#held.byteLength >= dirtyBytesMax
    )
  }

  /** The key's entity; a new one that nobody has seen yet if there is none. */
  get(key: string): Entity<State> {
    const cached = this.#cache.get(key)
    if (cached) {
      cached.touched = true
      return cached
    }
    const found = this.#checkpoint.get(key)
    const entity = found?.bytes
      ? decodeEntity(this.#job, key, found.bytes)
      : newEntity(this.#job, key)
    entity.indexedAt = found?.indexedAt
    // Before it is there: the sweep must not take away what is about to be changed.
    if (this.#cache.size >= this.#bounds.keysMax) this.#evict()
    this.#cache.set(key, entity)
    return entity
  }

  /** Whether the key has nothing that is not in the store. */
  atRest(key: string): boolean {
    const entity = this.#cache.get(key)
    return !entity || (!entity.dirty && !entity.committing && entity.indexedAt === entity.timerAt)
  }

  /** The time of the key's timer, where the store's index does not say it; `undefined`: there is none. */
  unwrittenTimer(key: string): number | undefined {
    const entity = this.#cache.get(key)
    if (!entity) return this.#checkpoint.bufferedTimer(key)
    return this.atRest(key) ? undefined : entity.timerAt
  }

  markDirty(entity: Entity<State>): void {
    if (this.#job.emit === 'every') this.#addRow(entity)
    else if (this.#sendsEarly) this.#unsent.add(entity)
    if (entity.dirty) return
    entity.dirty = true
    this.#dirty.push(entity)
    this.#dirtyBytes += entity.encodedBytes + entity.grownBytesMax + rowBytesGuess
  }

  /** Puts back what an undone step had made of a key. */
  replace(entity: Entity<State>): void {
    const before = this.#cache.get(entity.key)
    if (before?.dirty) this.#dirty[this.#dirty.indexOf(before)] = entity
    entity.dirty = before?.dirty ?? false
    entity.committing = before?.committing ?? false
    entity.indexedAt = before?.indexedAt
    if (before && this.#unsent.delete(before)) this.#unsent.add(entity)
    this.#cache.set(entity.key, entity)
  }

  /** Nothing is left of the key but what it takes to say so. */
  drop(entity: Entity<State>): void {
    const nothing = newEntity(this.#job, entity.key)
    nothing.dropped = true
    nothing.eventAt = entity.eventAt
    nothing.receivedAt = entity.receivedAt
    this.replace(nothing)
    this.markDirty(nothing)
  }

  /** A hint of the store's index that its key's state does not confirm. */
  removeTimer(stale: TimerEntry): void {
    this.#checkpoint.removeTimer(stale)
  }

  /**
   * Rows of what has changed since this was last called; only where rows go out early. Tombstones go with the
   * commit, and what comes after a tombstone that is on its way waits for it.
   */
  takeEarlyRows(): Packer {
    if (this.#job.emit === 'every') return this.takeRows()
    const unsent = this.#unsent
    const early = new Packer(unsent.size)
    if (unsent.size > 0) this.#unsent = new Set()
    for (const entity of unsent) {
      if (this.#dropping.has(entity.key)) this.#unsent.add(entity)
      else if (!entity.dropped) this.#rowWriter.add(entity, early)
    }
    return early
  }

  /** Of a job that has a row for each event, those that nothing has sent. */
  takeRows(): Packer {
    const rows = this.#rows
    this.#rows = new Packer(rows.count) // as many may come again
    return rows
  }

  /** The dirty entities, which are clean from now on; `encode` each before the next event. */
  freeze(): Entity<State>[] {
    if (this.#unsent.size > 0) this.#unsent = new Set() // goes out with the commit
    const frozen = this.#dirty
    this.#dirty = []
    this.#dirtyBytes = 0
    for (const entity of frozen) {
      entity.dirty = false
      entity.committing = true
    }
    if (this.#sendsEarly)
      this.#dropping = new Set(frozen.flatMap(({ key, dropped }) => (dropped ? key : [])))
    return frozen
  }

  /** For the changelog; `null`: a tombstone. */
  encode(entity: Entity<State>): Uint8Array | null {
    return entity.dropped ? null : encodeEntity(this.#job, entity)
  }

  /** The frozen commit has ended: its bytes are committed, and go the way to the store. */
  committed(
    frozen: readonly { entity: Entity<State>; bytes: Uint8Array | null }[],
    marker: number,
    at: number,
  ): void {
    const states: CommittedState[] = frozen.map(({ entity: { key }, bytes }) => {
      // What was frozen may have been replaced since; it cannot have left while it was committing.
      const entity = this.#cache.get(key) as Entity<State>
      entity.committing = false
      return { key: entity.key, bytes, indexedAt: entity.indexedAt }
    })
    this.#dropping = new Set()
    if (this.#held.count > 0) {
      this.#rows.join(this.#held)
      this.#held = new Packer(0)
    }
    this.#checkpoint.accept(states, marker, at)
  }

  /** Writes a slice of what is committed to the store. Answers whether there was anything. */
  async checkpoint(): Promise<boolean> {
    const written = await this.#checkpoint.writeSlice()
    for (const [key, timerAt] of written) {
      const entity = this.#cache.get(key)
      if (entity) entity.indexedAt = timerAt
    }
    return written.length > 0
  }

  #addRow(entity: Entity<State>): void {
    if (entity.dropped) return
    this.#rowWriter.add(entity, this.#dropping.has(entity.key) ? this.#held : this.#rows)
  }

  /** A second-chance sweep, round and round: what was read since the hand last came by stays until it comes again. */
  #evict(): void {
    // 64 bounds one sweep; a cache of dirty entities only may be larger for a while
    for (let looks = 0; looks < 64 && this.#cache.size >= this.#bounds.keysMax; looks++) {
      const { value: entity, done } = this.#hand.next()
      if (done) this.#hand = this.#cache.values()
      else if (entity.touched) entity.touched = false
      else if (!entity.dirty && !entity.committing) this.#cache.delete(entity.key)
    }
  }
}
