import type kafkajs from 'kafkajs'
import { type KafkaOptions, kafkaClient, kafkaFault, whileUnreachable } from './kafka-cluster.ts'
import { KafkaMembership } from './kafka-membership.ts'
import { KafkaProducer } from './kafka-producer.ts'
import { KafkaReader } from './kafka-reader.ts'
import { KafkaTopics } from './kafka-topics.ts'
import { KafkaTransactor } from './kafka-transactor.ts'
import { type Log, LogError, nextOffset } from './log.ts'

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
    whileUnreachable(options, closed.signal, async () => {
      try {
        if (!connected) {
          const admin = kafka.admin()
          connected = { admin, ready: admin.connect() }
        }
        await connected.ready
        return await use(connected.admin)
      } catch (error) {
        const { code, message } = kafkaFault(error)
        if (code === 'connection') {
          const broken = connected
          connected = undefined
          await broken?.admin.disconnect().catch(() => undefined) // it is broken already
          throw error
        }
        throw error instanceof LogError ? error : new LogError('refused', message, error)
      }
    })

  return {
    topics: new KafkaTopics(withAdmin),
    reader: readerOptions => new KafkaReader(kafka, { ...options, ...readerOptions }),
    membership: membershipOptions => new KafkaMembership(kafka, { ...options, ...membershipOptions }),
    transactor: transactorOptions => new KafkaTransactor(kafka, { ...options, ...transactorOptions }),
    producer: () => new KafkaProducer(kafka, options),

    async committed(group, topic, partitions) {
      const answer = await withAdmin(admin => admin.fetchOffsets({ groupId: group, topics: [topic] }))
      const found = new Map(answer[0]?.partitions.map(entry => [entry.partition, entry]))
      return partitions.map(partition => {
        const entry = found.get(partition)
        if (entry === undefined || Number(entry.offset) < 0) return undefined
        return { next: nextOffset(Number(entry.offset)), metadata: entry.metadata ?? '' }
      })
    },

    async close() {
      closed.abort()
      await connected?.admin.disconnect()
    },
  }
}
