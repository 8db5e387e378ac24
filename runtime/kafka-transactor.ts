import type kafkajs from 'kafkajs'
import { errorCodes } from '../protocol/error-codes.ts'
import { encodeRecordBatch } from '../protocol/record-batch.ts'
import { Ahead, Enlisted } from './kafka-ahead.ts'
import {
  type Broker,
  type Cluster,
  type KafkaOptions,
  kafkaFault,
  openCluster,
  untilDisconnected,
  whileUnreachable,
} from './kafka-cluster.ts'
import { judged } from './kafka-judged.ts'
import { KafkaPartitions } from './kafka-partitions.ts'
import { isUnknown, unknownMsMax } from './kafka-unknown.ts'
import {
  type Append,
  type Committed,
  LogError,
  type Offset,
  offset,
  type PackedAppend,
  type Transaction,
  type Transactor,
  type TransactorOptions,
} from './log.ts'
import { unlessAborted } from './unless-aborted.ts'

const transaction = 1 // kind of coordinator
/** Of a transaction's time, for one that is open and not used. */
const unusedShareMax = 1 / 15

/** Nothing was done; the same request may be sent again. */
const busyCodes = new Set<number>([
  errorCodes.CONCURRENT_TRANSACTIONS,
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.NOT_COORDINATOR,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
])

/**
 * Kafka's transactional producer, one request at a time (KIP-98). What is ambiguous is never repeated: the
 * caller takes its task over, which starts from what is committed.
 */
export class KafkaTransactor implements Transactor {
  readonly #options: KafkaOptions & TransactorOptions
  readonly #cluster: Cluster
  readonly #partitions: KafkaPartitions
  readonly #closed = new AbortController()
  readonly #sequences = new Map<string, number>()
  readonly #ahead: Ahead
  #coordinator: Broker | undefined
  #groupCoordinator: Broker | undefined
  #producerId = '-1'
  #producerEpoch = -1

  constructor(kafka: kafkajs.Kafka, options: KafkaOptions & TransactorOptions) {
    this.#options = options
    this.#cluster = openCluster(kafka)
    this.#partitions = new KafkaPartitions(this.#cluster, options.clock, this.#closed.signal)
    this.#ahead = new Ahead({
      clock: options.clock,
      unusedMsMax: options.timeoutMs * unusedShareMax,
      enlist: members => this.#enlist(members),
      abandon: () => this.#end(false),
    })
  }

  async fence(): Promise<void> {
    const { transactionalId, timeoutMs } = this.#options
    await whileUnreachable(this.#options, this.#closed.signal, async () => {
      await this.#cluster.connect()
      const granted = await this.#ask('initProducerId', 60_000, async () => {
        const coordinator = await this.#findCoordinator()
        return coordinator.initProducerId({ transactionalId, transactionTimeout: timeoutMs })
      })
      this.#producerId = granted.producerId
      this.#producerEpoch = granted.producerEpoch
      this.#sequences.clear()
    })
  }

  begin(): Transaction {
    const used = new Enlisted()
    let taken: Promise<Enlisted> | undefined
    const opened = () => {
      taken ??= this.#ahead.take()
      return taken
    }
    return {
      send: async appends => {
        for (const { topic, partition } of appends) used.add(topic, partition)
        await this.#enlist(used, await opened())
        return this.#send(appends)
      },
      sendOffsets: async (group, topic, partition, committed) => {
        used.addGroup(group)
        await this.#enlist(used, await opened())
        await this.#sendOffsets(group, topic, partition, committed)
      },
      commit: async () => {
        await opened()
        await this.#end(true)
        this.#ahead.committed(used)
      },
      abort: async () => {
        await opened()
        await this.#end(false)
      },
    }
  }

  opened(): Promise<void> {
    return this.#ahead.settled()
  }

  async close(): Promise<void> {
    const { clock } = this.#options
    await untilDisconnected(
      clock,
      this.#ahead.close().catch(() => undefined),
    ) // a fence or its age ends it, too
    this.#closed.abort()
    await untilDisconnected(clock, this.#cluster.disconnect())
  }

  /** Has the coordinator add to the transaction what is not in it yet. */
  async #enlist(members: Enlisted, inIt = new Enlisted()): Promise<void> {
    const { timeoutMs } = this.#options
    const partitions = members.partitions.filter(
      ({ topic, partition }) => !inIt.has(topic, partition),
    )
    if (partitions.length > 0) {
      const topics = partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] }))
      const names = topics.map(({ topic, partitions }) => `${topic}-${partitions}`).join()
      await this.#ask(`addPartitionsToTxn (${names})`, timeoutMs, async () =>
        (await this.#findCoordinator()).addPartitionsToTxn({ ...this.#identity(), topics }),
      )
      for (const { topic, partition } of partitions) inIt.add(topic, partition)
    }
    for (const groupId of members.groups) {
      if (inIt.hasGroup(groupId)) continue
      await this.#ask('addOffsetsToTxn', timeoutMs, async () =>
        (await this.#findCoordinator()).addOffsetsToTxn({ ...this.#identity(), groupId }),
      )
      inIt.addGroup(groupId)
    }
  }

  async #send(appends: readonly (Append | PackedAppend)[]): Promise<Offset[]> {
    const { transactionalId, clock, timeoutMs } = this.#options
    const batches = appends.map(({ topic, partition, records }) => {
      const key = `${topic}/${partition}`
      const baseSequence = this.#sequences.get(key) ?? 0
      this.#sequences.set(key, (baseSequence + records.length) % 2 ** 31)
      const producer = {
        producerId: Number(this.#producerId),
        producerEpoch: this.#producerEpoch,
        baseSequence,
      }
      return {
        topic,
        partition,
        batch: encodeRecordBatch(records, { now: clock.now(), transactional: true, ...producer }),
      }
    })
    try {
      const produced = this.#partitions.produce(transactionalId, batches, timeoutMs)
      const bases = await unlessAborted(this.#closed.signal, produced)
      return bases.map(offset)
    } catch (error) {
      throw this.#judge('produce', error)
    }
  }

  async #sendOffsets(
    group: string,
    topic: string,
    partition: number,
    { next, metadata }: Committed,
  ): Promise<void> {
    const { timeoutMs } = this.#options
    const topics = [{ topic, partitions: [{ partition, offset: String(next), metadata }] }]
    await this.#ask('txnOffsetCommit', timeoutMs, async () => {
      this.#groupCoordinator ??= await this.#cluster.findGroupCoordinator({ groupId: group })
      return this.#groupCoordinator.txnOffsetCommit({ ...this.#identity(), groupId: group, topics })
    })
  }

  async #end(transactionResult: boolean): Promise<void> {
    await this.#ask('endTxn', this.#options.timeoutMs, async () =>
      (await this.#findCoordinator()).endTxn({ ...this.#identity(), transactionResult }),
    )
  }

  #identity(): { transactionalId: string; producerId: string; producerEpoch: number } {
    return {
      transactionalId: this.#options.transactionalId,
      producerId: this.#producerId,
      producerEpoch: this.#producerEpoch,
    }
  }

  async #findCoordinator(): Promise<Broker> {
    this.#coordinator ??= await this.#cluster.findGroupCoordinator({
      groupId: this.#options.transactionalId,
      coordinatorType: transaction,
    })
    return this.#coordinator
  }

  /**
   * Repeats `request` while the coordinator says that it did nothing and is busy: right after a commit that
   * lasts until its markers are written, a few ms. Waits 1 to 20 ms between tries, `msMax` in all.
   */
  async #ask<Answer>(name: string, msMax: number, request: () => Promise<Answer>): Promise<Answer> {
    const { clock } = this.#options
    const startedAt = clock.elapsed()
    for (let tries = 0; ; tries++) {
      try {
        return await unlessAborted(this.#closed.signal, request())
      } catch (error) {
        const { code } = kafkaFault(error)
        const busy = typeof code === 'number' && busyCodes.has(code)
        const waitsMs = clock.elapsed() - startedAt
        const waitMsMax = isUnknown(error) ? Math.min(unknownMsMax, msMax) : msMax
        if (!busy || waitsMs > waitMsMax || this.#closed.signal.aborted)
          throw this.#judge(name, error)
        if (code !== errorCodes.CONCURRENT_TRANSACTIONS) {
          this.#coordinator = undefined
          this.#groupCoordinator = undefined
        }
        await clock.sleep(Math.min(1 + tries / 4, 20), this.#closed.signal)
      }
    }
  }

  /** What the caller must do about a failed request. */
  #judge(name: string, error: unknown): unknown {
    if (this.#closed.signal.aborted && name !== 'initProducerId')
      return new LogError('ambiguous', `${name} of ${this.#options.transactionalId}: closed`, error)
    return judged(name, this.#options.transactionalId, error)
  }
}
