import type kafkajs from 'kafkajs'
import { errorCodes } from '../protocol/error-codes.ts'
import { encodeRecordBatch } from '../protocol/record-batch.ts'
import {
  type Broker,
  type Cluster,
  type KafkaOptions,
  kafkaFault,
  openCluster,
  untilDisconnected,
  whileUnreachable,
} from './kafka-cluster.ts'
import { KafkaPartitions } from './kafka-partitions.ts'
import {
  type Append,
  LogError,
  type Offset,
  offset,
  type PackedAppend,
  type Producer,
  RecordsRefused,
} from './log.ts'

const busyCodes = new Set<number>([
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.NOT_COORDINATOR,
])
/** What passes by itself. Whether it was written or not: sent again under its sequence number, it is there once. */
const passingCodes = new Set<number>([
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.REQUEST_TIMED_OUT,
  errorCodes.NETWORK_EXCEPTION,
  errorCodes.NOT_ENOUGH_REPLICAS,
  errorCodes.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
])
/** What a topic will never take, however often it is sent. */
const refusedCodes = new Set<number>([
  errorCodes.MESSAGE_TOO_LARGE,
  errorCodes.RECORD_LIST_TOO_LARGE,
  errorCodes.INVALID_RECORD,
])
const busyTriesMax = 200
const busyMs = 100

/**
 * An idempotent producer: after a lost answer, or one that tells of trouble that passes, the same batch is sent again
 * under the same sequence number, until `close`, and a broker that has it already answers with its offset. Sends go
 * out one after the other.
 */
export class KafkaProducer implements Producer {
  readonly #options: KafkaOptions
  readonly #cluster: Cluster
  readonly #partitions: KafkaPartitions
  readonly #closed = new AbortController()
  readonly #sequences = new Map<string, number>()
  #identity: { producerId: number; producerEpoch: number } | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(kafka: kafkajs.Kafka, options: KafkaOptions) {
    this.#options = options
    this.#cluster = openCluster(kafka)
    this.#partitions = new KafkaPartitions(this.#cluster, options.clock, this.#closed.signal)
  }

  send(appends: readonly (Append | PackedAppend)[]): Promise<Offset[]> {
    const sent = this.#last.then(() => this.#send(appends))
    this.#last = sent.catch(() => undefined) // this send's caller is told; the next one goes on
    return sent
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await untilDisconnected(this.#options.clock, this.#cluster.disconnect())
  }

  async #send(appends: readonly (Append | PackedAppend)[]): Promise<Offset[]> {
    if (appends.length === 0) return []
    const identity = this.#identity ?? (await this.#start())
    const batches = appends.map(({ topic, partition, records }) => {
      const key = `${topic}/${partition}`
      const baseSequence = this.#sequences.get(key) ?? 0
      this.#sequences.set(key, (baseSequence + records.length) % 2 ** 31)
      return {
        topic,
        partition,
        batch: encodeRecordBatch(records, {
          now: this.#options.clock.now(),
          ...identity,
          baseSequence,
        }),
      }
    })
    try {
      const bases = await this.#retried(() => this.#partitions.produce(null, batches, 30_000))
      return bases.map(offset)
    } catch (error) {
      this.#identity = undefined // its sequences may have a hole now
      if (error instanceof LogError) throw error
      const { code, message } = kafkaFault(error)
      const text = `produce: ${message}`
      if (typeof code === 'number' && refusedCodes.has(code)) throw new RecordsRefused(text, error)
      const lasting = code === errorCodes.TOPIC_AUTHORIZATION_FAILED
      throw new LogError(lasting ? 'refused' : 'ambiguous', text, error)
    }
  }

  async #start(): Promise<{ producerId: number; producerEpoch: number }> {
    return this.#retried(async () => {
      await this.#cluster.connect()
      await this.#cluster.refreshMetadata()
      const broker = await this.#anyBroker()
      const granted = await this.#granted(broker)
      this.#sequences.clear()
      this.#identity = {
        producerId: Number(granted.producerId),
        producerEpoch: granted.producerEpoch,
      }
      return this.#identity
    })
  }

  /** A broker that has just started is busy for some seconds before it grants ids. */
  async #granted(broker: Broker): ReturnType<Broker['initProducerId']> {
    for (let tries = 0; ; tries++) {
      try {
        return await broker.initProducerId({ transactionalId: null, transactionTimeout: 30_000 })
      } catch (error) {
        const { code } = kafkaFault(error)
        if (typeof code !== 'number' || !busyCodes.has(code) || tries >= busyTriesMax) throw error
        await this.#options.clock.sleep(busyMs, this.#closed.signal)
      }
    }
  }

  /** Any broker grants ids to plain producers; a group's coordinator is one that is surely alive. */
  #anyBroker() {
    return this.#cluster.findGroupCoordinator({ groupId: this.#options.clientId })
  }

  #retried<Result>(attempt: () => Promise<Result>): Promise<Result> {
    return whileUnreachable(this.#options, this.#closed.signal, attempt, passingCodes)
  }
}
