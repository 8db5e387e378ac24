import kafkajs from 'kafkajs'
import {
  LogError,
  type NextOffset,
  nextOffset,
  type TopicDescription,
  type TopicSpec,
  type Topics,
} from './log.ts'

const listedTriesMax = 1_000

/** Topics over kafkajs's admin client. `admin` connects it when first used. */
export class KafkaTopics implements Topics {
  readonly #admin: <Result>(use: (admin: kafkajs.Admin) => Promise<Result>) => Promise<Result>

  constructor(admin: <Result>(use: (admin: kafkajs.Admin) => Promise<Result>) => Promise<Result>) {
    this.#admin = admin
  }

  async create(specs: TopicSpec[]): Promise<void> {
    if (specs.length === 0) return
    const topics = specs.map(({ topic, partitions, replication, config }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: replication,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    }))
    await this.#admin(async admin => {
      const existing = new Set(await admin.listTopics())
      const missing = topics.filter(({ topic }) => !existing.has(topic))
      if (missing.length === 0) return
      await admin.createTopics({ topics: missing, waitForLeaders: true })
      await untilListed(
        admin,
        missing.map(({ topic }) => topic),
      )
    })
  }

  async describe(topic: string): Promise<TopicDescription | undefined> {
    return this.#admin(async admin => {
      if (!(await admin.listTopics()).includes(topic)) return undefined
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
      })
      const config = Object.fromEntries(
        (resources[0]?.configEntries ?? []).map(entry => [entry.configName, entry.configValue]),
      )
      return { topic, partitions: topics[0]?.partitions.length ?? 0, config }
    })
  }

  names(): Promise<string[]> {
    return this.#admin(admin => admin.listTopics())
  }

  async ranges(topic: string): Promise<{ start: NextOffset; end: NextOffset }[]> {
    return this.#admin(async admin => {
      if (!(await admin.listTopics()).includes(topic)) {
        throw new LogError('unknown-topic', `topic ${topic} does not exist`)
      }
      const ranges = await admin.fetchTopicOffsets(topic)
      return ranges
        .sort((a, b) => a.partition - b.partition)
        .map(({ low, high }) => ({ start: nextOffset(Number(low)), end: nextOffset(Number(high)) }))
    })
  }
}

/** The controller answers when the topics exist; the brokers hear of them some milliseconds later. */
async function untilListed(admin: kafkajs.Admin, topics: readonly string[]): Promise<void> {
  for (let tries = 0; tries < listedTriesMax; tries++) {
    const listed = new Set(await admin.listTopics())
    if (topics.every(topic => listed.has(topic))) return
  }
}
