import kafkajs from 'kafkajs'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Clock } from './clock.ts'
import type { Broker, Cluster } from './kafka-cluster.ts'
import { untilKnown } from './kafka-unknown.ts'
import { type Produced, type ProduceTarget, produce } from './kafka-wire.ts'
import { LogError } from './log.ts'

const movedCodes = new Set<number>([
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.NOT_ENOUGH_REPLICAS,
])

/** Where partitions are led, and produce requests to there. */
export class KafkaPartitions {
  readonly #cluster: Cluster
  readonly #waiting: { readonly clock: Clock; readonly signal: AbortSignal }
  readonly #topics = new Set<string>()
  readonly #leaders = new Map<string, string>()
  /** By node id; connected when they were last asked. */
  readonly #brokers = new Map<string, Broker>()

  constructor(cluster: Cluster, clock: Clock, signal: AbortSignal) {
    this.#cluster = cluster
    this.#waiting = { clock, signal }
  }

  /**
   * One request to each broker that leads a target; the answer has each batch's first offset. A broker that
   * says «not the leader» has written nothing, so that batch is sent again to the new one, ten times at most.
   */
  async produce(
    transactionalId: string | null,
    targets: readonly ProduceTarget[],
    timeoutMs: number,
  ): Promise<number[]> {
    const offsets = new Array<number>(targets.length).fill(-1)
    let open = targets.map((_, index) => index)
    for (let tries = 0; open.length > 0; tries++) {
      if (tries > 10)
        throw protocolError(errorCodes.LEADER_NOT_AVAILABLE, describe(targets[open[0] ?? 0]))
      if (tries > 0) await this.#forget(open.map(index => targets[index]?.topic ?? ''))
      const sends = Array.from(await this.#byLeader(targets, open), ([nodeId, indexes]) =>
        this.#produceTo(nodeId, transactionalId, targets, indexes, timeoutMs, offsets),
      )
      open = (await Promise.all(sends)).flat()
    }
    return offsets
  }

  /** Fills in `offsets`; answers the indexes to be sent again. */
  async #produceTo(
    nodeId: string,
    transactionalId: string | null,
    targets: readonly ProduceTarget[],
    indexes: number[],
    timeoutMs: number,
    offsets: number[],
  ): Promise<number[]> {
    let broker = this.#brokers.get(nodeId)
    if (broker?.isConnected() !== true) {
      broker = await this.#cluster.findBroker({ nodeId })
      this.#brokers.set(nodeId, broker)
    }
    const sent = indexes.map(index => targets[index] as ProduceTarget)
    const produced = await produce(broker, transactionalId, sent, timeoutMs)
    const again: number[] = []
    for (const answer of produced) {
      const index = indexes.find(
        i => targets[i]?.topic === answer.topic && targets[i]?.partition === answer.partition,
      )
      if (index === undefined) continue
      if (movedCodes.has(answer.errorCode)) again.push(index)
      else offsets[index] = offsetOf(answer)
    }
    return again
  }

  async #byLeader(
    targets: readonly ProduceTarget[],
    indexes: number[],
  ): Promise<Map<string, number[]>> {
    const byLeader = new Map<string, number[]>()
    for (const index of indexes) {
      const { topic, partition } = targets[index] as ProduceTarget
      const leader =
        this.#leaders.get(`${topic}/${partition}`) ?? (await this.#findLeader(topic, partition))
      const others = byLeader.get(leader)
      if (others === undefined) byLeader.set(leader, [index])
      else others.push(index)
    }
    return byLeader
  }

  async #findLeader(topic: string, partition: number): Promise<string> {
    await untilKnown(`partition ${partition} of topic ${topic}`, this.#waiting, async () => {
      if (this.#topics.has(topic)) await this.#cluster.refreshMetadata()
      else await this.#cluster.addMultipleTargetTopics([topic])
      this.#topics.add(topic)
      for (const { partitionId, leader } of this.#cluster.findTopicPartitionMetadata(topic))
        this.#leaders.set(`${topic}/${partitionId}`, String(leader))
      return this.#leaders.has(`${topic}/${partition}`)
    })
    return this.#leaders.get(`${topic}/${partition}`) as string // `untilKnown` has seen it
  }

  async #forget(topics: string[]): Promise<void> {
    for (const topic of topics) {
      this.#topics.delete(topic)
      for (const key of this.#leaders.keys())
        if (key.startsWith(`${topic}/`)) this.#leaders.delete(key)
    }
    await untilKnown(`one of ${topics.join()}`, this.#waiting, async () => {
      await this.#cluster.refreshMetadata()
      return true
    })
  }
}

function offsetOf({ topic, partition, errorCode, baseOffset }: Produced): number {
  if (errorCode !== 0) throw protocolError(errorCode, `${topic}-${partition}`)
  if (baseOffset < 0)
    throw new LogError(
      'ambiguous',
      `the answer to a produce to ${topic}-${partition} carries no offset`,
    )
  return baseOffset
}

const hints = new Map<number, string>([
  [errorCodes.KAFKA_STORAGE_ERROR, ": the broker's disk refuses, it may be full"],
])

function protocolError(code: number, where: string): Error {
  const name =
    Object.entries(errorCodes).find(([, value]) => value === code)?.[0] ?? `error code ${code}`
  return new kafkajs.KafkaJSProtocolError(
    Object.assign(new Error(`${name} at ${where}${hints.get(code) ?? ''}`), {
      type: name,
      code,
      retriable: false,
    }),
  )
}

const describe = (target: ProduceTarget | undefined): string =>
  `${target?.topic}-${target?.partition}`
