import type { Clock } from './clock.ts'

/** Partitions and groups of a transaction. */
export class Enlisted {
  readonly #partitions = new Map<string, { topic: string; partition: number }>()
  readonly #groups = new Set<string>()

  get partitions(): readonly { topic: string; partition: number }[] {
    return [...this.#partitions.values()]
  }

  get groups(): readonly string[] {
    return [...this.#groups]
  }

  has(topic: string, partition: number): boolean {
    return this.#partitions.has(`${topic}/${partition}`)
  }

  hasGroup(group: string): boolean {
    return this.#groups.has(group)
  }

  add(topic: string, partition: number): void {
    this.#partitions.set(`${topic}/${partition}`, { topic, partition })
  }

  addGroup(group: string): void {
    this.#groups.add(group)
  }
}

export interface AheadParts {
  readonly clock: Clock
  /** The longest that a transaction which nobody uses stays open, ms. */
  readonly unusedMsMax: number
  /** Asks the coordinator to add all of these to the open transaction, or to a new one. */
  enlist(members: Enlisted): Promise<void>
  /** Ends the transaction that nobody used. */
  abandon(): Promise<void>
}

/** A transaction that begins so soon after the last one ended is of a series. */
const soonMs = 250

/**
 * Opens the next transaction of a series while there is nothing to send yet. To add partitions takes two round trips
 * and waits until the last transaction's markers are written: half the time of a small commit. What the last one
 * used is likely to be used again. Nothing is sent ahead: what is open holds up no reader, and a fence ends it
 * like any other. It is ended here when nobody uses it, or the coordinator would end it for its age and fence us.
 */
export class Ahead {
  readonly #parts: AheadParts
  #opened: Promise<Enlisted> | undefined
  #waiting = new AbortController()
  #endedAt = Number.NEGATIVE_INFINITY
  #inSeries = false

  constructor(parts: AheadParts) {
    this.#parts = parts
  }

  /** For a transaction that begins: what is in it. Rejects with what failed ahead. */
  take(): Promise<Enlisted> {
    const opened = this.#opened ?? Promise.resolve(new Enlisted())
    this.#inSeries = this.#parts.clock.elapsed() - this.#endedAt < soonMs
    this.#drop()
    return opened
  }

  /** What is being opened is open, or has failed. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#opened])
  }

  /** Told of each commit: `used` were its members. */
  committed(used: Enlisted): void {
    const { clock, unusedMsMax } = this.#parts
    this.#endedAt = clock.elapsed()
    if (!this.#inSeries || used.partitions.length === 0) return
    const waiting = new AbortController()
    this.#waiting = waiting
    this.#keep(this.#parts.enlist(used).then(() => used))
    void clock.sleep(unusedMsMax, waiting.signal).then(() => {
      if (!waiting.signal.aborted) this.#abandon()
    })
  }

  /** Ends what is open, where there will be no other. Rejects where that fails; the coordinator does it in its time. */
  async close(): Promise<void> {
    const [opened] = await Promise.allSettled([this.#opened])
    this.#drop()
    if (opened?.status !== 'fulfilled' || !opened.value?.partitions.length) return
    await this.#parts.abandon()
  }

  #drop(): void {
    this.#opened = undefined
    this.#waiting.abort()
  }

  #abandon(): void {
    const ended = this.#opened?.then(() => this.#parts.abandon())
    if (ended) this.#keep(ended.then(() => new Enlisted()))
  }

  #keep(opened: Promise<Enlisted>): void {
    opened.catch(() => undefined) // whoever takes it is told
    this.#opened = opened
  }
}
