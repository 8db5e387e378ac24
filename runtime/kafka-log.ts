import type kafkajs from 'kafkajs'
import { errorCodes } from '../protocol/error-codes.ts'
import {
  type KafkaOptions,
  kafkaClient,
  kafkaFault,
  untilDisconnected,
  whileUnreachable,
} from './kafka-cluster.ts'
import { KafkaMembership } from './kafka-membership.ts'
import { KafkaProducer } from './kafka-producer.ts'
import { KafkaReader } from './kafka-reader.ts'
import { KafkaTopics } from './kafka-topics.ts'
import { KafkaTransactor } from './kafka-transactor.ts'
import { type Log, LogError, nextOffset } from './log.ts'

/** No leader, or another than was thought. */
const unsettled = new Set<number>([
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.NOT_COORDINATOR,
  errorCodes.UNSTABLE_OFFSET_COMMIT,
])
const unsettledTriesMax = 12

export type { KafkaOptions } from './kafka-cluster.ts'

/**
 * The log on Kafka or Redpanda. Connects when first used, and waits for a broker that does not answer. What
 * it hands out (readers, producers, …) has connections of its own and is closed by whoever asked for it.
 */
export function openKafkaLog(options: KafkaOptions): Log {
  const kafka = kafkaClient(options)
  const closed = new AbortController()
  let connected: { admin: kafkajs.Admin; ready: Promise<void> } | undefined

  const withAdmin = <Result>(use: (admin: kafkajs.Admin) => Promise<Result>): Promise<Result> =>
    whileUnreachable(options, closed.signal, () => settled(use))

  /** Asks again while leaders are being elected, as they are right after a topic was made. */
  const settled = async <Result>(
    use: (admin: kafkajs.Admin) => Promise<Result>,
  ): Promise<Result> => {
    for (let tries = 0; ; tries++) {
      try {
        return await use(await admin())
      } catch (error) {
        const { code, message } = kafkaFault(error)
        if (code === 'connection' || code === 'denied') {
          await disconnect()
          throw error
        }
        if (error instanceof LogError) throw error
        if (typeof code !== 'number' || !unsettled.has(code) || tries >= unsettledTriesMax)
          throw new LogError('refused', message, error)
        // kafkajs asks for every topic that it was ever asked about, and fails for one that was deleted since.
        if (code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) await disconnect()
        await options.clock.sleep(Math.min(20 * 2 ** tries, 1_000), closed.signal)
      }
    }
  }

  const admin = async (): Promise<kafkajs.Admin> => {
    if (!connected) {
      const opened = kafka.admin()
      connected = { admin: opened, ready: opened.connect() }
    }
    await connected.ready
    return connected.admin
  }

  const disconnect = async (): Promise<void> => {
    const broken = connected
    connected = undefined
    await broken?.admin.disconnect().catch(() => undefined) // it is broken already
  }

  const topics = new KafkaTopics(withAdmin)
  return {
    topics,
    reader: readerOptions =>
      new KafkaReader(kafka, { ...options, ...readerOptions }, () =>
        topics.ranges(readerOptions.topic),
      ),
    membership: membershipOptions =>
      new KafkaMembership(kafka, { ...options, ...membershipOptions }),
    transactor: transactorOptions =>
      new KafkaTransactor(kafka, { ...options, ...transactorOptions }),
    producer: () => new KafkaProducer(kafka, options),

    async committed(group, topic, partitions) {
      const answer = await withAdmin(admin =>
        admin.fetchOffsets({ groupId: group, topics: [topic] }),
      )
      const found = new Map(answer[0]?.partitions.map(entry => [entry.partition, entry]))
      return partitions.map(partition => {
        const entry = found.get(partition)
        if (entry === undefined || Number(entry.offset) < 0) return undefined
        return { next: nextOffset(Number(entry.offset)), metadata: entry.metadata ?? '' }
      })
    },

    async close() {
      closed.abort()
      await untilDisconnected(options.clock, disconnect())
    },
  }
}
