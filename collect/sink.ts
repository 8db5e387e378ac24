/** An event on its way to a topic. */
export interface SinkRecord {
  readonly topic: string
  /** Chooses the partition, as Java's client does (murmur2); records of one key keep the order they were put in. */
  readonly key: string | null
  /** `null` deletes the key from a compacted topic. */
  readonly value: Uint8Array | null
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** Where events become safe. */
export interface Sink {
  /**
   * Resolves once all are safe: acknowledged by the brokers, or on the disk, as `KeptBy` says. Their bytes are copied before
   * it returns. Rejects with a `SinkFull`: all of them must be put again, though some may be on their topic then.
   */
  put(records: readonly SinkRecord[]): Promise<void>
  /** Takes no more records, makes those safe that were put, and lets go of everything. */
  close(): Promise<void>
}

/**
 * - `memory_full`: more is waiting than may; in a moment there is room again.
 * - `spool_full`: the brokers have been away for so long that the spool has reached its bound.
 * - `disk_failed`: the spool's disk refuses, it may be full.
 * - `closed`: the process is about to end.
 */
export type SinkFullCode = 'memory_full' | 'spool_full' | 'disk_failed' | 'closed'

/** Nothing more can be kept: the sender must try again later. */
export class SinkFull extends Error {
  override readonly name = 'SinkFull'
  readonly code: SinkFullCode
  /** When trying again may help, seconds. */
  readonly retryAfterSeconds: number

  constructor(code: SinkFullCode, message: string, retryAfterSeconds: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}
