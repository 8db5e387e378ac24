import { partitionFor } from '../protocol/murmur2.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import type { Producer } from '../runtime/log.ts'
import { readLines } from './lines.ts'

/** A record on its way to its topic. The key is the event's user id; `null` where it has none. */
export interface ReplayedRecord {
  readonly key: string | null
  /** As it is written to the topic. */
  readonly value: string | Uint8Array
}

export interface ReplayedEvent extends ReplayedRecord {
  readonly value: string
}

export interface ReplayOptions {
  readonly producer: Producer
  readonly topic: string
  /** How many partitions the topic has. */
  readonly partitions: number
  /** Called after each acknowledged send, with the number of events sent so far. */
  readonly onProgress?: (sent: number) => void
  /** Ends the replay after the send under way. */
  readonly signal?: AbortSignal
}

export interface ReplayFileOptions extends ReplayOptions {
  /** A line that is no event. It is left out and the replay goes on. */
  readonly onBadLine: (line: number, reason: string) => void
  /** Whether the event is of somebody who was erased later, and so is left out; of nobody when left out. */
  readonly isErased?: ((event: ReplayedEvent) => boolean) | undefined
}

export interface ReplayedFile {
  readonly sent: number
  readonly bad: number
  readonly erased: number
}

/** Kafka takes batches of at most 1,048,588 bytes by default. */
const LINE_BYTES_MAX = 1_000_000
/** Unless one event alone is larger. It may all be of one partition, so it stays well below a batch's limit. */
const SEND_BYTES_MAX = 512 * 1024

/**
 * Sends a file's events in file order: one JSON object per line, unpacked where the name ends in `.gz`. Empty
 * lines are passed over. Rejects when the file cannot be read or the log refuses a send.
 */
export async function replayFile(path: string, options: ReplayFileOptions): Promise<ReplayedFile> {
  let bad = 0
  let erased = 0
  const events = fileEvents(path, (line, reason) => {
    bad += 1
    options.onBadLine(line, reason)
  })
  const { isErased } = options
  const left = isErased === undefined ? events : without(events, isErased, () => erased++)
  const sent = await replay(left, options)
  return { sent, bad, erased }
}

async function* without(
  events: AsyncIterable<ReplayedEvent>,
  isErased: (event: ReplayedEvent) => boolean,
  onErased: () => void,
): AsyncGenerator<ReplayedEvent> {
  for await (const event of events)
    if (isErased(event)) onErased()
    else yield event
}

/**
 * Sends events in their order and answers how many. One user's events go to one partition, in order; those
 * without a key are spread over all. One send is under way while the next is gathered, and no more.
 */
export async function replay(
  events: AsyncIterable<ReplayedRecord> | Iterable<ReplayedRecord>,
  options: ReplayOptions,
): Promise<number> {
  const outbox = new Outbox(options)
  for await (const event of events) {
    if (options.signal?.aborted) break
    if (!outbox.hasRoomFor(event)) await outbox.flush()
    outbox.add(event)
  }
  await outbox.flush()
  return await outbox.sent()
}

export async function* fileEvents(
  path: string,
  onBadLine: (line: number, reason: string) => void,
): AsyncGenerator<ReplayedEvent> {
  for await (const { number, text } of readLines(path, LINE_BYTES_MAX)) {
    if (text?.trim() === '') continue
    const event = text === undefined ? `longer than ${LINE_BYTES_MAX} bytes` : parse(text)
    if (typeof event === 'string') onBadLine(number, event)
    else yield event
  }
}

/** The event of a line, or what is wrong with it. An event without a user is none of our business here. */
function parse(text: string): ReplayedEvent | string {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    return `not JSON: ${error instanceof Error ? error.message : String(error)}`
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return 'not a JSON object'
  const { userId, anonymousId } = parsed as Record<string, unknown>
  return { key: keyOf(userId) ?? keyOf(anonymousId), value: text }
}

/** As jobs read it: a number is its decimal text. */
function keyOf(userId: unknown): string | null {
  const key = typeof userId === 'number' ? String(userId) : userId
  return typeof key === 'string' && key !== '' ? key : null
}

/** Gathers events by partition, and sends them while the next are gathered. */
class Outbox {
  readonly #options: ReplayOptions
  #gathered = new Map<number, OutgoingRecord[]>()
  #gatheredCount = 0
  #gatheredBytes = 0
  #underWay: Promise<{ failure: unknown } | undefined> = Promise.resolve(undefined)
  #sent = 0
  #nextKeyless = 0

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  hasRoomFor({ value }: ReplayedRecord): boolean {
    return this.#gatheredBytes + Buffer.byteLength(value) <= SEND_BYTES_MAX
  }

  add({ key, value }: ReplayedRecord): void {
    const partition = key === null ? this.#keylessPartition() : this.#partition(key)
    const records = this.#gathered.get(partition)
    if (records === undefined) this.#gathered.set(partition, [{ key, value }])
    else records.push({ key, value })
    this.#gatheredCount += 1
    this.#gatheredBytes += Buffer.byteLength(value)
  }

  /** Begins to send what is gathered, once the send before has ended. A failure is thrown at the next call. */
  async flush(): Promise<void> {
    await this.#settle()
    if (this.#gatheredCount === 0) return
    this.#underWay = this.#send(this.#gathered, this.#gatheredCount).then(
      () => undefined,
      failure => ({ failure }),
    )
    this.#gathered = new Map()
    this.#gatheredCount = 0
    this.#gatheredBytes = 0
  }

  /** How many were acknowledged, once nothing is under way. */
  async sent(): Promise<number> {
    await this.#settle()
    return this.#sent
  }

  async #send(gathered: Map<number, OutgoingRecord[]>, count: number): Promise<void> {
    const { producer, topic, onProgress } = this.#options
    await producer.send(
      Array.from(gathered, ([partition, records]) => ({ topic, partition, records })),
    )
    this.#sent += count
    onProgress?.(this.#sent)
  }

  async #settle(): Promise<void> {
    const outcome = await this.#underWay
    if (outcome !== undefined) throw outcome.failure
  }

  #partition(key: string): number {
    return partitionFor(Buffer.from(key, 'utf8'), this.#options.partitions)
  }

  #keylessPartition(): number {
    this.#nextKeyless = (this.#nextKeyless + 1) % this.#options.partitions
    return this.#nextKeyless
  }
}
