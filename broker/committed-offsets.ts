import { Journal, type JournalOptions } from './journal.ts'

export interface CommittedOffset {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface OffsetCommit extends CommittedOffset {
  readonly topic: string
  readonly partition: number
}

interface SavedOffset extends CommittedOffset {
  /** Epoch ms of the commit. */
  readonly at: number
}

/** `producerId` stands before the key of an offset that its transaction has not committed yet. */
const SEPARATOR = '\u0000'

/**
 * The offsets that groups have committed, and those that open transactions will commit. The key of an offset is
 * group, topic, partition; of a pending one: producer id, group, topic, partition.
 */
export class CommittedOffsets {
  private readonly journal: Journal<SavedOffset>
  /** Keys of what each open transaction holds. */
  private readonly held = new Map<number, Set<string>>()

  constructor(options: JournalOptions) {
    this.journal = new Journal(options, parseSaved)
    for (const [key] of this.journal.values()) {
      const parts = key.split(SEPARATOR)
      if (parts.length === 4) this.heldBy(Number(parts[0])).add(key)
    }
  }

  /** A metadata longer than allowed is the caller's to refuse. */
  commit(group: string, commits: readonly OffsetCommit[], now: number): void {
    this.journal.change(
      commits.map(commit => [keyOf(group, commit), saved(commit, now)]),
      now,
    )
  }

  /** Keeps offsets until the producer's transaction ends. */
  hold(producerId: number, group: string, commits: readonly OffsetCommit[], now: number): void {
    const changes = commits.map(
      commit => [pendingKey(producerId, group, commit), saved(commit, now)] as const,
    )
    this.journal.change(changes, now)
    for (const [key] of changes) this.heldBy(producerId).add(key)
  }

  /** Ends what a transaction held: visible when it was committed, gone when not; all groups of it in one step. */
  release(producerId: number, committed: boolean, now: number): void {
    const changes: [string, SavedOffset | undefined][] = []
    for (const key of this.held.get(producerId) ?? []) {
      const value = this.journal.get(key)
      changes.push([key, undefined])
      if (committed && value)
        changes.push([key.slice(key.indexOf(SEPARATOR) + 1), { ...value, at: now }])
    }
    this.journal.change(changes, now)
    this.held.delete(producerId)
  }

  get(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.journal.get(keyOf(group, { topic, partition }))
  }

  /** Whether an open transaction will change this offset. */
  isPending(group: string, topic: string, partition: number): boolean {
    const end = SEPARATOR + keyOf(group, { topic, partition })
    for (const keys of this.held.values()) {
      for (const key of keys) if (key.endsWith(end)) return true
    }
    return false
  }

  /** All of a group. */
  list(group: string): OffsetCommit[] {
    const found: OffsetCommit[] = []
    for (const [key, { offset, leaderEpoch, metadata }] of this.journal.values()) {
      const [owner, topic = '', partition, rest] = key.split(SEPARATOR)
      if (owner === group && rest === undefined) {
        found.push({ topic, partition: Number(partition), offset, leaderEpoch, metadata })
      }
    }
    return found
  }

  groups(): Set<string> {
    const groups = new Set<string>()
    for (const [key] of this.journal.values()) {
      const parts = key.split(SEPARATOR)
      if (parts.length === 3) groups.add(parts[0] ?? '')
    }
    return groups
  }

  /** Forgets all offsets of which `match` says so. */
  forget(match: (group: string, topic: string, at: number) => boolean, now: number): void {
    const gone: [string, undefined][] = []
    for (const [key, { at }] of this.journal.values()) {
      const parts = key.split(SEPARATOR)
      if (parts.length === 3 && match(parts[0] ?? '', parts[1] ?? '', at))
        gone.push([key, undefined])
    }
    this.journal.change(gone, now)
  }

  close(): void {
    this.journal.close()
  }

  private heldBy(producerId: number): Set<string> {
    const keys = this.held.get(producerId) ?? new Set()
    this.held.set(producerId, keys)
    return keys
  }
}

function keyOf(group: string, { topic, partition }: { topic: string; partition: number }): string {
  return [group, topic, partition].join(SEPARATOR)
}

function pendingKey(producerId: number, group: string, commit: OffsetCommit): string {
  return `${producerId}${SEPARATOR}${keyOf(group, commit)}`
}

function saved({ offset, leaderEpoch, metadata }: OffsetCommit, at: number): SavedOffset {
  return { offset, leaderEpoch, metadata, at }
}

function parseSaved(value: unknown): SavedOffset {
  if (
    typeof value === 'object' &&
    value !== null &&
    'offset' in value &&
    'metadata' in value &&
    'at' in value
  ) {
    const { offset, metadata, at } = value
    const leaderEpoch = 'leaderEpoch' in value ? Number(value.leaderEpoch) : -1
    return { offset: Number(offset), leaderEpoch, metadata: String(metadata), at: Number(at) }
  }
  throw new Error(`expected an offset in the broker's journal, found ${JSON.stringify(value)}`)
}
