import { partitionFor } from '../protocol/murmur2.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import {
  after,
  type Log,
  type NextOffset,
  nextOffset,
  type Producer,
  type Transactor,
} from '../runtime/log.ts'
import { outputTopics } from '../runtime/outputs.ts'
import { rekeyedHeader } from '../runtime/rekeyed.ts'
import { type DeadLetter, deadLetter, deadRanges, keyOfLetter } from './dead-letters.ts'
import { type ErasedList, nowhere, readErasedBy } from './erased-list.ts'
import { readRange } from './read-range.ts'

export interface DeadReplay {
  readonly sent: number
  /** Timers have no record to send, and a payload that was cut may be gone from its topic. */
  readonly timers: number
  readonly gone: number
  /** Of users who have been erased since, which are not sent. */
  readonly erased: number
}

/** What is written down before a portion is sent, as the metadata of the offset where the portion begins. */
interface Intent {
  readonly to: number
  /** The ends of each topic that the portion goes to, before it is sent. */
  readonly ends: Readonly<Record<string, readonly number[]>>
}

/** Marks a record that was sent again; its value names the dead letter. */
export const REPLAYED_HEADER = 'dead-letter'

const PORTION_RECORDS_MAX = 400
const PORTION_BYTES_MAX = 512 * 1024

/**
 * Sends a job's dead letters to where they came from, each of them once, whatever dies meanwhile. How far it has
 * come is the offset of the group `<job>.dead.replayed`. Nothing transactional may be written to an input, so
 * for each portion of a partition:
 *
 * 1. commit where the portion begins, with where it ends and the present ends of the topics that it goes to;
 * 2. send it, each record marked with its dead letter;
 * 3. commit where it ends.
 *
 * A replay that finds a commit of step 1 looks from those ends on for what the dead one has sent already. A second
 * replay of the same job shuts the first one out at its next commit.
 */
export async function replayDeadLetters(
  log: Log,
  job: string,
  signal: AbortSignal,
): Promise<DeadReplay> {
  const ranges = await deadRanges(log, job)
  const producer = log.producer()
  const total = { sent: 0, timers: 0, gone: 0, erased: 0 }
  const list = await readErasedBy(log, job, signal)
  try {
    for (const [partition, { start, end }] of ranges.entries()) {
      const replay = new PartitionReplay({ log, job, partition, producer, signal, total, list })
      await replay.run(start, end)
    }
  } finally {
    await producer.close()
  }
  return total
}

interface PartitionOptions {
  readonly log: Log
  readonly job: string
  readonly partition: number
  readonly producer: Producer
  readonly signal: AbortSignal
  readonly total: { sent: number; timers: number; gone: number; erased: number }
  readonly list: ErasedList
}

class PartitionReplay {
  readonly #options: PartitionOptions
  readonly #topic: string
  readonly #group: string
  /** Names of dead letters that an earlier replay has sent without having been able to say so. */
  #alreadySent = new Set<string>()
  readonly #partitionCounts = new Map<string, number>()

  constructor(options: PartitionOptions) {
    this.#options = options
    this.#topic = outputTopics(options.job).dead
    this.#group = `${this.#topic}.replayed`
  }

  async run(start: NextOffset, end: NextOffset): Promise<void> {
    const { log, job, partition, signal } = this.#options
    const transactor = log.transactor({
      transactionalId: `${job}-dead-replay-${partition}`,
      timeoutMs: 30_000,
    })
    try {
      await transactor.fence()
      const [committed] = await log.committed(this.#group, this.#topic, [partition])
      if (committed !== undefined && committed.metadata !== '') {
        this.#alreadySent = await this.#findSent(JSON.parse(committed.metadata))
      }
      const from = committed !== undefined && committed.next > start ? committed.next : start
      let portion: DeadLetter[] = []
      let bytes = 0
      for await (const record of readRange(
        log,
        this.#topic,
        [{ partition, from, to: end }],
        signal,
      )) {
        portion.push(deadLetter(record))
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
  }

  async #send(portion: readonly DeadLetter[], transactor: Transactor): Promise<void> {
    const first = portion[0]
    const last = portion.at(-1)
    if (first === undefined || last === undefined) return
    const { producer, total } = this.#options
    const appends: { topic: string; partition: number; records: OutgoingRecord[] }[] = []
    for (const letter of portion) {
      const outgoing = await this.#outgoing(letter)
      if (outgoing !== undefined) appends.push(outgoing)
    }
    const to = after(last.record.offset)
    const topics = [...new Set(appends.map(({ topic }) => topic))]
    const intent: Intent = { to, ends: await this.#ends(topics) }
    await this.#commit(transactor, nextOffset(first.record.offset), JSON.stringify(intent))
    if (appends.length > 0) await producer.send(grouped(appends))
    await this.#commit(transactor, to, '')
    total.sent += appends.length
  }

  /** The record to send for the letter, or `undefined` where there is none or it was sent before. */
  async #outgoing(letter: DeadLetter) {
    const { origin, record, truncated } = letter
    const { log, total, list, signal } = this.#options
    if (origin === undefined) {
      total.timers++
      return undefined
    }
    const name = `${this.#topic}/${record.partition}/${record.offset}`
    if (this.#alreadySent.has(name)) return undefined
    if (list.covers(keyOfLetter(letter), { ...nowhere, appendedAt: letter.time })) {
      total.erased++
      return undefined
    }
    let { key, value } = record
    if (truncated) {
      const from = nextOffset(origin.offset)
      const range = { partition: origin.partition, from, to: nextOffset(origin.offset + 1) }
      const whole = await firstOf(readRange(log, origin.topic, [range], signal))
      if (whole === undefined) {
        total.gone++
        return undefined
      }
      key = whole.key
      value = whole.value
    }
    const partition =
      key === null ? origin.partition : partitionFor(key, await this.#partitions(origin.topic))
    const rekeyed = record.headers.get(rekeyedHeader)
    const headers: [string, string][] = [[REPLAYED_HEADER, name]]
    if (rekeyed !== undefined) headers.push([rekeyedHeader, rekeyed])
    return { topic: origin.topic, partition, records: [{ key, value, headers }] }
  }

  async #findSent({ ends }: Intent): Promise<Set<string>> {
    const { log, signal } = this.#options
    const names = new Set<string>()
    for (const [topic, before] of Object.entries(ends)) {
      const now = await log.topics.ranges(topic)
      const grown = now.map(({ end }, partition) => ({
        partition,
        from: nextOffset(before[partition] ?? 0),
        to: end,
      }))
      for await (const { headers } of readRange(log, topic, grown, signal)) {
        const name = headers.get(REPLAYED_HEADER)
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
    const transaction = transactor.begin()
    await transaction.sendOffsets(this.#group, this.#topic, this.#options.partition, {
      next,
      metadata,
    })
    await transaction.commit()
  }
}

/** One append for each partition, the records in their order. */
function grouped(
  appends: readonly { topic: string; partition: number; records: OutgoingRecord[] }[],
) {
  const groups = new Map<string, { topic: string; partition: number; records: OutgoingRecord[] }>()
  for (const { topic, partition, records } of appends) {
    const group = groups.get(`${topic}/${partition}`) ?? { topic, partition, records: [] }
    group.records.push(...records)
    groups.set(`${topic}/${partition}`, group)
  }
  return [...groups.values()]
}

async function firstOf<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item
  return undefined
}
