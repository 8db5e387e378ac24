import { partitionFor } from '../protocol/murmur2.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log, Producer } from '../runtime/log.ts'

/** A Segment event of a user who is known. */
export interface WrittenEvent {
  readonly messageId: string
  readonly type: 'track' | 'identify' | 'delete'
  readonly userId: string
  readonly event?: string
  readonly properties?: Readonly<Record<string, unknown>>
  readonly traits?: Readonly<Record<string, unknown>>
}

/** What a reader does in an email, and whom we are to forget, become events; those that wait are at most so many. */
const WAITING_MAX = 1_000
const PATIENCE_MS = 5_000

/** Nothing was done, or nobody knows: the same event may be sent again, by its message id it counts once. */
export class NotWritten extends Error {
  override readonly name = 'NotWritten'
  readonly code = 'not_written'
}

/** Writes events to the topic that jobs read. */
export class EventWriter {
  readonly #log: Log
  readonly #topic: string
  readonly #clock: Clock
  #producer: Producer | undefined
  #partitions: number | undefined
  #waiting = 0

  constructor(log: Log, topic: string, clock: Clock) {
    this.#log = log
    this.#topic = topic
    this.#clock = clock
  }

  /** Resolves once the brokers have it. Rejects with `NotWritten`, after five seconds at most. */
  async write(event: WrittenEvent): Promise<void> {
    if (this.#waiting >= WAITING_MAX) throw new NotWritten('too many events wait for the brokers')
    this.#waiting++
    const ended = new AbortController()
    const sending = this.#send(event).finally(() => {
      this.#waiting--
    })
    const late = this.#clock.sleep(PATIENCE_MS, ended.signal).then(() => {
      throw new NotWritten(`the brokers have not taken the event within ${PATIENCE_MS} ms`)
    })
    try {
      await Promise.race([sending, late])
    } catch (error) {
      sending.catch(() => undefined) // who waited for it was told
      if (error instanceof NotWritten) throw error
      throw new NotWritten(`the brokers did not take the event: ${reasonOf(error)}`, {
        cause: error,
      })
    } finally {
      ended.abort('settled') // a word: without, Node makes an error with its stack
      late.catch(() => undefined) // it lost the race
    }
  }

  async close(): Promise<void> {
    await this.#producer?.close()
  }

  async #send(event: WrittenEvent): Promise<void> {
    this.#partitions ??= (await this.#log.topics.ranges(this.#topic)).length
    this.#producer ??= this.#log.producer()
    const now = new Date(this.#clock.now()).toISOString()
    const value = JSON.stringify({ ...event, timestamp: now, receivedAt: now })
    const partition = partitionFor(Buffer.from(event.userId), this.#partitions)
    const records = [{ key: event.userId, value }]
    await this.#producer.send([{ topic: this.#topic, partition, records }])
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
