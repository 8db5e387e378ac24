import type { OutgoingRecord, RecordPack } from '../protocol/record-batch.ts'

/** The offset of one record that exists. */
export type Offset = number & { readonly [offsetBrand]: 'Offset' }
/** The first offset that is not done yet: one past the newest record that is. */
export type NextOffset = number & { readonly [offsetBrand]: 'NextOffset' }
declare const offsetBrand: unique symbol

export const offset = (value: number): Offset => value as Offset
export const nextOffset = (value: number): NextOffset => value as NextOffset
export const after = (value: Offset): NextOffset => (value + 1) as NextOffset

/**
 * All that the runtime knows of Kafka. Implementations: kafkajs (`openKafkaLog`), and the simulated log
 * of the tests, which injects faults. Both pass one conformance suite.
 *
 * Every method rejects with a `LogError`, whose `code` names what the caller must do.
 */
export interface Log {
  readonly topics: Topics
  /** Reads partitions of one topic from given offsets, outside any group. */
  reader(options: ReaderOptions): Reader
  /** Joins a group, for membership only: it assigns partitions, and commits no offset. */
  membership(options: MembershipOptions): Membership
  /** One writer of transactions; at most one live owner for each transactional id. */
  transactor(options: TransactorOptions): Transactor
  /** A plain idempotent producer, for inputs. */
  producer(): Producer
  /** The committed offset of each asked partition; `undefined` where the group has none. */
  committed(group: string, topic: string, partitions: number[]): Promise<(Committed | undefined)[]>
  close(): Promise<void>
}

export interface Committed {
  readonly next: NextOffset
  /** As it was given to `sendOffsets`; '' when there was none. */
  readonly metadata: string
}

export interface Topics {
  /** Creates what does not exist yet; a topic that exists is left as it is. */
  create(specs: TopicSpec[]): Promise<void>
  /** `undefined` for a topic that does not exist. */
  describe(topic: string): Promise<TopicDescription | undefined>
  /** Of several topics at once, in their order. */
  describeAll(topics: readonly string[]): Promise<(TopicDescription | undefined)[]>
  /** Of all topics that this client may see. */
  names(): Promise<string[]>
  /** How many partitions each topic has that this client may see. */
  counts(): Promise<ReadonlyMap<string, number>>
  /** First offset and end (high watermark) of each partition, in order of partition. */
  ranges(topic: string): Promise<{ start: NextOffset; end: NextOffset }[]>
}

export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  readonly replication: number
  /** Kafka's names: `cleanup.policy`, `retention.ms`, `delete.retention.ms`, `message.timestamp.type`. */
  readonly config: Readonly<Record<string, string>>
}

export interface TopicDescription {
  readonly topic: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

export interface ReaderOptions {
  readonly topic: string
  /** The longest that `poll` waits where nothing comes. */
  readonly waitMsMax: number
  /** The most of one partition in one answer, when its first batch is not larger. */
  readonly partitionBytesMax: number
  /**
   * The brokers know the partition again that they did not know a moment ago: its topic may have been made anew,
   * and what comes next from it need not be what followed.
   */
  readonly onKnownAgain?: (partition: number) => void
}

/**
 * Reads committed records. Positions move past control records and aborted transactions, so `next`
 * reaches `end` whatever the topic's last record is.
 */
export interface Reader {
  /** Reads `partition` from `next` on; what an earlier fetch of it still brings is dropped. */
  seek(partition: number, next: NextOffset): void
  pause(partition: number): void
  resume(partition: number): void
  /** Forgets the partition. */
  drop(partition: number): void
  /**
   * What came first, one entry for each partition that answered; empty answers too (they tell `end`).
   * Resolves with [] after `waitMsMax` where there is nothing to read. An unreachable broker is retried
   * inside, with backoff, and told by `LogStatus`. One call at a time.
   */
  poll(): Promise<Fetched[]>
  close(): Promise<void>
}

export type Fetched = Batch | OutOfRange

export interface Batch {
  readonly kind: 'batch'
  readonly partition: number
  /** The position that was asked for. */
  readonly fetched: NextOffset
  /** The position after all of this batch, aborted and control records included. */
  readonly next: NextOffset
  /** The partition's first offset, and its end for a reader of committed records (last stable offset). */
  readonly start: NextOffset
  readonly end: NextOffset
  /** Visible record batches (format v2, as stored, maybe compressed), one after the other; may be empty. */
  readonly records: Uint8Array
}

/** The position lies outside the partition; nothing is read from it until `seek`. */
export interface OutOfRange {
  readonly kind: 'out-of-range'
  readonly partition: number
  readonly fetched: NextOffset
  readonly start: NextOffset
  readonly end: NextOffset
}

export interface MembershipOptions {
  readonly group: string
  readonly topic: string
  readonly sessionMs: number
  /** The partitions whose stores lie on this machine; sticky assignment gives them back. */
  readonly owned: () => readonly number[]
  /** The member id of this machine's last, killed process: removed from the group before joining. */
  readonly previousMemberId: string | undefined
  /** At every join: all partitions that are this member's from now on. */
  readonly onAssigned: (partitions: readonly number[], memberId: string) => void
  /** The membership ended by itself and will not come back; the process must end. */
  readonly onFailed: (error: Error) => void
}

export interface Membership {
  join(): Promise<void>
  /** What the group says is this member's, asked anew: by a heartbeat or a join that begins after the call. */
  confirm(): Promise<readonly number[]>
  /** Leaves the group, so that others take over at once. */
  leave(): Promise<void>
}

export interface TransactorOptions {
  readonly transactionalId: string
  readonly timeoutMs: number
}

/** One transaction at a time, one send at a time. After an error other than `fenced` it must be thrown away too. */
export interface Transactor {
  /** Ends every older owner's open transaction and shuts it out. Nothing may be read as committed before. */
  fence(): Promise<void>
  begin(): Transaction
  /**
   * Resolves when a transaction could begin without waiting for what is left of the last one: the more is in one that
   * begins then. Never rejects.
   */
  opened(): Promise<void>
  close(): Promise<void>
}

export interface Transaction {
  /** Appends to the partitions; the answer has the offset of each append's first record. */
  send(appends: readonly (Append | PackedAppend)[]): Promise<Offset[]>
  sendOffsets(group: string, topic: string, partition: number, committed: Committed): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
}

export interface Append {
  readonly topic: string
  readonly partition: number
  readonly records: readonly OutgoingRecord[]
}

/** An append whose records are packed already. */
export interface PackedAppend {
  readonly topic: string
  readonly partition: number
  readonly records: RecordPack
}

export interface Producer {
  /** Acknowledged by all replicas when it resolves. Retried inside; in order for each partition. */
  send(appends: readonly (Append | PackedAppend)[]): Promise<Offset[]>
  close(): Promise<void>
}

/** What the log says of its connection, for people. */
export type LogStatus =
  | {
      readonly kind: 'unreachable'
      readonly brokers: string
      readonly reason: string
      readonly retryMs: number
    }
  | { readonly kind: 'reachable'; readonly brokers: string; readonly downMs: number }

/**
 * - `fenced`: another owner has begun. Drop the task; take it over only if the group still assigns it.
 * - `ambiguous`: nobody knows whether it was done. Take the task over again, from what is committed.
 * - `unreachable`: the broker is away, and nothing was done. Wait and try again.
 * - `unknown-topic`, `refused`: asking again will not help. Stop, and tell a person.
 */
export type LogErrorCode = 'fenced' | 'ambiguous' | 'unreachable' | 'unknown-topic' | 'refused'

export class LogError extends Error {
  override readonly name = 'LogError'
  readonly code: LogErrorCode

  constructor(code: LogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** The brokers are there, and will never take these records: they are too large, or not such as their topic asks for. */
export class RecordsRefused extends LogError {
  constructor(message: string, cause?: unknown) {
    super('refused', message, cause)
  }
}

/** The brokers are there, and let us not in: a login or a certificate is wrong. The message names the remedy. */
export class LogDenied extends LogError {
  constructor(message: string, cause: unknown) {
    super('refused', message, cause)
  }
}
