import { partitionFor } from '../protocol/murmur2.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import {
  type Append,
  after,
  type Log,
  type NextOffset,
  nextOffset,
  type Producer,
  type Transactor,
} from '../runtime/log.ts'
import { readRange, type StoredRecord } from './read-range.ts'

export interface ReplayOnceOptions {
  readonly log: Log
  /** Whose records are sent again; its ends when this is called. */
  readonly topic: string
  /** Header that marks a record that was sent again; its value names the record that it was made of. */
  readonly mark: string
  /** One for all replays of the topic; a second one shuts the first one out at its next commit. */
  readonly transactionalId: (partition: number) => string
  readonly signal: AbortSignal
  /** What to send for a record; always the same for the same record. */
  readonly outgoing: (record: StoredRecord) => Promise<readonly SentAgain[]>
}

export interface SentAgain {
  readonly topic: string
  readonly key: Buffer | string | null
  readonly value: Uint8Array | null
  /** Of a record without a key. */
  readonly partition: number
  readonly headers?: readonly (readonly [string, string])[]
}

/** What is written down before a portion is sent, as the metadata of the offset where the portion begins. */
interface Intent {
  readonly to: number
  /** The ends of each topic that the portion goes to, before it is sent. */
  readonly ends: Readonly<Record<string, readonly number[]>>
}

interface Marked extends SentAgain {
  readonly name: string
}

const PORTION_RECORDS_MAX = 400
const PORTION_BYTES_MAX = 512 * 1024

/** Whose offset says how far a topic's replays have come. */
export function replayGroup(topic: string): string {
  return `${topic}.replayed`
}

/**
 * Sends what is made of a topic's records, each of them once, whatever dies meanwhile, and answers how many it
 * sent. How far it has come is the offset of the group `<topic>.replayed`. Nothing transactional may be written to an
 * input, so for each portion of a partition:
 *
 * 1. commit where the portion begins, with where it ends and the present ends of the topics that it goes to;
 * 2. send it, each record marked with what it was made of;
 * 3. commit where it ends.
 *
 * A replay that finds a commit of step 1 looks from those ends on for what the dead one has sent already.
 */
export async function replayOnce(options: ReplayOnceOptions): Promise<number> {
  const ranges = await options.log.topics.ranges(options.topic)
  const producer = options.log.producer()
  let sent = 0
  try {
    for (const [partition, { start, end }] of ranges.entries())
      sent += await new PartitionReplay(options, partition, producer).run(start, end)
  } finally {
    await producer.close()
  }
  return sent
}

class PartitionReplay {
  readonly #options: ReplayOnceOptions
  readonly #partition: number
  readonly #producer: Producer
  /** Names of records that an earlier replay has sent without having been able to say so. */
  #alreadySent = new Set<string>()
  readonly #partitionCounts = new Map<string, number>()
  #sent = 0

  constructor(options: ReplayOnceOptions, partition: number, producer: Producer) {
    this.#options = options
    this.#partition = partition
    this.#producer = producer
  }

  async run(start: NextOffset, end: NextOffset): Promise<number> {
    const { log, topic, transactionalId, signal } = this.#options
    const partition = this.#partition
    const transactor = log.transactor({
      transactionalId: transactionalId(partition),
      timeoutMs: 30_000,
    })
    try {
      await transactor.fence()
      const [committed] = await log.committed(replayGroup(topic), topic, [partition])
      if (committed !== undefined && committed.metadata !== '')
        this.#alreadySent = await this.#findSent(JSON.parse(committed.metadata))
      const from = committed !== undefined && committed.next > start ? committed.next : start
      let portion: StoredRecord[] = []
      let bytes = 0
      for await (const record of readRange(log, topic, [{ partition, from, to: end }], signal)) {
        portion.push(record)
        bytes += record.value?.length ?? 0
        if (portion.length < PORTION_RECORDS_MAX && bytes < PORTION_BYTES_MAX) continue
        await this.#send(portion, transactor)
        portion = []
        bytes = 0
      }
      if (portion.length > 0 && !signal.aborted) await this.#send(portion, transactor)
    } finally {
      await transactor.close()
    }
    return this.#sent
  }

  async #send(portion: readonly StoredRecord[], transactor: Transactor): Promise<void> {
    const first = portion[0]
    const last = portion.at(-1)
    if (first === undefined || last === undefined) return
    const marked: Marked[] = []
    for (const record of portion) marked.push(...(await this.#outgoing(record)))
    const to = after(last.offset)
    const topics = [...new Set(marked.map(({ topic }) => topic))]
    const intent: Intent = { to, ends: await this.#ends(topics) }
    await this.#commit(transactor, nextOffset(first.offset), JSON.stringify(intent))
    if (marked.length > 0) await this.#producer.send(await this.#appends(marked))
    await this.#commit(transactor, to, '')
    this.#sent += marked.length
  }

  /** What is to be sent for the record, and was not sent before. */
  async #outgoing(record: StoredRecord): Promise<readonly Marked[]> {
    const { topic, outgoing } = this.#options
    const name = `${topic}/${record.partition}/${record.offset}`
    const all = await outgoing(record)
    return all
      .map((each, at) => ({ ...each, name: at === 0 ? name : `${name}/${at}` }))
      .filter(each => !this.#alreadySent.has(each.name))
  }

  /** One append for each partition, the records in their order. */
  async #appends(marked: readonly Marked[]): Promise<Append[]> {
    const appends = new Map<string, Append & { records: OutgoingRecord[] }>()
    for (const { topic, key, value, headers = [], name, ...record } of marked) {
      const partitions = await this.#partitions(topic)
      const partition =
        key === null ? record.partition % partitions : partitionFor(Buffer.from(key), partitions)
      const append = appends.get(`${topic}/${partition}`) ?? { topic, partition, records: [] }
      appends.set(`${topic}/${partition}`, append)
      append.records.push({ key, value, headers: [[this.#options.mark, name], ...headers] })
    }
    return [...appends.values()]
  }

  async #findSent({ ends }: Intent): Promise<Set<string>> {
    const { log, mark, signal } = this.#options
    const names = new Set<string>()
    for (const [topic, before] of Object.entries(ends)) {
      const now = await log.topics.ranges(topic)
      const grown = now.map(({ end }, partition) => ({
        partition,
        from: nextOffset(before[partition] ?? 0),
        to: end,
      }))
      for await (const { headers } of readRange(log, topic, grown, signal)) {
        const name = headers.get(mark)
        if (name !== undefined) names.add(name)
      }
    }
    return names
  }

  async #ends(topics: readonly string[]): Promise<Record<string, number[]>> {
    const { log } = this.#options
    const ends: Record<string, number[]> = {}
    for (const topic of topics) ends[topic] = (await log.topics.ranges(topic)).map(({ end }) => end)
    return ends
  }

  async #partitions(topic: string): Promise<number> {
    const known =
      this.#partitionCounts.get(topic) ??
      (await this.#options.log.topics.describe(topic))?.partitions
    // The topic is gone; sending to it says so.
    this.#partitionCounts.set(topic, known ?? 1)
    return known ?? 1
  }

  async #commit(transactor: Transactor, next: NextOffset, metadata: string): Promise<void> {
    const { topic } = this.#options
    const transaction = transactor.begin()
    await transaction.sendOffsets(replayGroup(topic), topic, this.#partition, { next, metadata })
    await transaction.commit()
  }
}
