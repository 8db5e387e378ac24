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

  /** Were there when their ranges were last asked for: not looked for before they are asked for again. */
  readonly #known = new Set<string>()

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
    return (await this.describeAll([topic]))[0]
  }

  async describeAll(topics: readonly string[]): Promise<(TopicDescription | undefined)[]> {
    return this.#admin(async admin => {
      const counts = await partitionCounts(admin)
      const known = topics.filter(topic => counts.has(topic))
      if (known.length === 0) return topics.map(() => undefined)
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: known.map(name => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
      })
      return topics.map(topic => {
        const entries = resources.find(({ resourceName }) => resourceName === topic)?.configEntries
        if (!entries) return undefined
        const config = Object.fromEntries(entries.map(each => [each.configName, each.configValue]))
        return { topic, partitions: counts.get(topic) ?? 0, config }
      })
    })
  }

  names(): Promise<string[]> {
    return this.#admin(admin => admin.listTopics())
  }

  counts(): Promise<ReadonlyMap<string, number>> {
    return this.#admin(partitionCounts)
  }

  async ranges(topic: string): Promise<{ start: NextOffset; end: NextOffset }[]> {
    return this.#admin(async admin => {
      if (!this.#known.delete(topic) && !(await admin.listTopics()).includes(topic)) {
        throw new LogError('unknown-topic', `topic ${topic} does not exist`)
      }
      const ranges = await admin.fetchTopicOffsets(topic)
      this.#known.add(topic)
      return ranges
        .sort((a, b) => a.partition - b.partition)
        .map(({ low, high }) => ({ start: nextOffset(Number(low)), end: nextOffset(Number(high)) }))
    })
  }
}

/** One request, for all topics: asked for some, kafkajs fails for one that does not exist, and asks for it ever after. */
async function partitionCounts(admin: kafkajs.Admin): Promise<Map<string, number>> {
  const { topics } = await admin.fetchTopicMetadata()
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]))
}

/** The controller answers when the topics exist; the brokers hear of them some milliseconds later. */
async function untilListed(admin: kafkajs.Admin, topics: readonly string[]): Promise<void> {
  for (let tries = 0; tries < listedTriesMax; tries++) {
    const listed = new Set(await admin.listTopics())
    if (topics.every(topic => listed.has(topic))) return
  }
}
