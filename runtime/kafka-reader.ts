import type kafkajs from 'kafkajs'
import { errorCodes } from '../protocol/error-codes.ts'
import { visibleBatches } from '../protocol/visible.ts'
import {
  backoffMs,
  type Cluster,
  type KafkaOptions,
  kafkaFault,
  openCluster,
  untilDisconnected,
  whileUnreachable,
} from './kafka-cluster.ts'
import { untilKnown } from './kafka-unknown.ts'
import { type FetchedPartition, fetch } from './kafka-wire.ts'
import {
  type Fetched,
  LogError,
  type NextOffset,
  nextOffset,
  type Reader,
  type ReaderOptions,
} from './log.ts'
import { unlessAborted } from './unless-aborted.ts'

/** A partition's leader moved, or is being elected: ask for metadata anew, and again. */
const moved = new Set<number>([
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.REPLICA_NOT_AVAILABLE,
  errorCodes.KAFKA_STORAGE_ERROR,
  errorCodes.FENCED_LEADER_EPOCH,
  errorCodes.UNKNOWN_LEADER_EPOCH,
])

interface Position {
  next: NextOffset
  paused: boolean
  /** Out of range: nothing is read until the next seek. */
  lost: boolean
  /** Another one after each seek, also of a partition that was dropped: an answer to an older question is known by it. */
  seeks: number
}

/** Reads over connections of its own, one long poll at a time for each broker. */
export class KafkaReader implements Reader {
  readonly #options: KafkaOptions & ReaderOptions
  readonly #cluster: Cluster
  readonly #ranges: () => Promise<{ start: NextOffset; end: NextOffset }[]>
  readonly #positions = new Map<number, Position>()
  #seeks = 0
  readonly #polls = new Map<string, Promise<Fetched[]>>()
  readonly #closed = new AbortController()
  #connected = false
  #movedInARow = 0
  #wake: AbortController | undefined

  /** `ranges`: the topic's first offsets and ends, which an answer «out of range» does not carry. */
  constructor(
    kafka: kafkajs.Kafka,
    options: KafkaOptions & ReaderOptions,
    ranges: () => Promise<{ start: NextOffset; end: NextOffset }[]>,
  ) {
    this.#options = options
    this.#ranges = ranges
    this.#cluster = openCluster(kafka)
  }

  seek(partition: number, next: NextOffset): void {
    this.#positions.set(partition, { next, paused: false, lost: false, seeks: ++this.#seeks })
    this.#wake?.abort()
  }

  pause(partition: number): void {
    const position = this.#positions.get(partition)
    if (position) position.paused = true
  }

  resume(partition: number): void {
    const position = this.#positions.get(partition)
    if (position) position.paused = false
    this.#wake?.abort()
  }

  drop(partition: number): void {
    this.#positions.delete(partition)
  }

  async poll(): Promise<Fetched[]> {
    const { clock, waitMsMax } = this.#options
    const { signal } = this.#closed
    if (signal.aborted) return []
    try {
      await this.#connect()
      await this.#startPolls()
      if (this.#polls.size > 0)
        return await unlessAborted(signal, Promise.race(this.#polls.values()))
    } catch (error) {
      if (signal.aborted) return []
      throw error
    }
    this.#wake = new AbortController()
    await clock.sleep(waitMsMax, this.#wake.signal)
    return []
  }

  async close(): Promise<void> {
    this.#closed.abort()
    this.#wake?.abort()
    this.#positions.clear()
    await untilDisconnected(this.#options.clock, this.#cluster.disconnect())
  }

  async #connect(): Promise<void> {
    if (this.#connected) return
    await this.#retried(async () => {
      await this.#cluster.connect()
      await this.#lookUp(async () => {
        await this.#cluster.addMultipleTargetTopics([this.#options.topic])
        return true
      })
    })
    this.#connected = true
  }

  /** One fetch for each broker that leads a partition to be read and is not being asked already. */
  async #startPolls(): Promise<void> {
    const wanted = [...this.#positions].filter(([, { paused, lost }]) => !paused && !lost)
    if (wanted.length === 0) return
    const leaders = this.#leaders()
    const byLeader = new Map<string, { partition: number; next: NextOffset; seeks: number }[]>()
    for (const [partition, { next, seeks }] of wanted) {
      const leader = leaders.get(partition)
      if (leader === undefined || leader === '-1') {
        await this.#leaderMoved(partition)
        return
      }
      if (this.#polls.has(leader)) continue
      const asked = byLeader.get(leader)
      if (asked) asked.push({ partition, next, seeks })
      else byLeader.set(leader, [{ partition, next, seeks }])
    }
    for (const [leader, asked] of byLeader) {
      const poll = this.#fetch(leader, asked).finally(() => this.#polls.delete(leader))
      poll.catch(() => undefined) // thrown to whoever races it; another broker's answer may win
      this.#polls.set(leader, poll)
    }
  }

  async #fetch(
    nodeId: string,
    asked: { partition: number; next: NextOffset; seeks: number }[],
  ): Promise<Fetched[]> {
    const { topic } = this.#options
    let answers: FetchedPartition[]
    try {
      const broker = await this.#cluster.findBroker({ nodeId })
      answers = await fetch(broker, topic, asked, this.#options)
    } catch (error) {
      if (this.#closed.signal.aborted) return []
      const { code } = kafkaFault(error)
      if (code !== 'connection' && code !== 'denied') throw error
      await this.#retried(async () => {
        await this.#cluster.refreshMetadata()
        if (code === 'denied') await this.#cluster.findBroker({ nodeId }) // asked again, and then believed
      })
      return []
    }
    const fetched: Fetched[] = []
    let anyMoved = false
    const unknown: number[] = []
    for (const answer of answers) {
      const question = asked.find(({ partition }) => partition === answer.partition)
      const position = this.#positions.get(answer.partition)
      if (!question || !position || position.seeks !== question.seeks) continue
      if (answer.errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) unknown.push(answer.partition)
      if (moved.has(answer.errorCode)) anyMoved = true
      else fetched.push(await this.#accept(position, answer))
    }
    if (anyMoved) await this.#leaderMoved()
    else this.#movedInARow = 0
    for (const partition of unknown) this.#options.onKnownAgain?.(partition)
    return fetched
  }

  async #accept(position: Position, answer: FetchedPartition): Promise<Fetched> {
    const { partition, errorCode } = answer
    const fetched = position.next
    if (errorCode === errorCodes.OFFSET_OUT_OF_RANGE) {
      position.lost = true
      const { start, end } = (await this.#ranges())[partition] ?? { start: fetched, end: fetched }
      return { kind: 'out-of-range', partition, fetched, start, end }
    }
    if (errorCode !== 0) {
      throw new LogError(
        'refused',
        `fetch of ${this.#options.topic}-${partition} at ${fetched}: Kafka error code ${errorCode}`,
      )
    }
    const { records, next } = visibleBatches(answer.records, fetched, answer.aborted)
    position.next = nextOffset(next)
    const range = { start: nextOffset(answer.start), end: nextOffset(answer.lastStableOffset) }
    return { kind: 'batch', partition, fetched, next: position.next, ...range, records }
  }

  /** `partition`: one that is to be led by somebody afterwards. */
  async #leaderMoved(partition?: number): Promise<void> {
    await this.#options.clock.sleep(backoffMs(this.#movedInARow++), this.#closed.signal)
    if (this.#closed.signal.aborted) return
    await this.#retried(() =>
      this.#lookUp(async () => {
        await this.#cluster.refreshMetadata()
        return partition === undefined || this.#leaders().has(partition)
      }, partition),
    )
  }

  /** Node ids by partition; -1 while one is being elected. */
  #leaders(): Map<number, string> {
    const found = this.#cluster.findTopicPartitionMetadata(this.#options.topic)
    return new Map(found.map(({ partitionId, leader }) => [partitionId, String(leader)]))
  }

  async #lookUp(look: () => Promise<boolean>, partition?: number): Promise<void> {
    const { topic, clock } = this.#options
    const what = partition === undefined ? `topic ${topic}` : `partition ${partition} of ${topic}`
    await untilKnown(what, { clock, signal: this.#closed.signal }, look)
  }

  #retried(attempt: () => Promise<void>): Promise<void> {
    return whileUnreachable(this.#options, this.#closed.signal, attempt)
  }
}
