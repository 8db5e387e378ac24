import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../runtime/clock.ts'
import { Journal } from './journal.ts'
import { KafkaError } from './kafka-error.ts'
import type { BrokerLog } from './log.ts'
import { PartitionLog } from './partition-log.ts'
import { type ConfigOverrides, parseTopicConfig, type TopicConfig } from './topic-config.ts'

export interface Topic {
  readonly name: string
  /** What the topic itself sets. */
  readonly overrides: ConfigOverrides
  readonly config: TopicConfig
  readonly partitions: readonly PartitionLog[]
}

export interface TopicsOptions {
  readonly folder: string
  readonly clock: Clock
  readonly log: BrokerLog
  /** Kafka's names; what a topic does not set for itself. */
  readonly defaults: ConfigOverrides
}

interface SavedTopic {
  readonly partitions: number
  readonly overrides: ConfigOverrides
}

interface LiveTopic extends Topic {
  overrides: ConfigOverrides
  config: TopicConfig
  partitions: PartitionLog[]
}

/** Many more would only exhaust file descriptors. */
const PARTITIONS_MAX = 4000

/** The topics there are. Each partition has a folder, `topics/<topic>-<partition>`; the list is a journal. */
export class Topics {
  private readonly options: TopicsOptions
  private readonly journal: Journal<SavedTopic>
  private readonly live = new Map<string, LiveTopic>()

  constructor(options: TopicsOptions) {
    this.options = options
    mkdirSync(this.topicsFolder, { recursive: true })
    this.journal = new Journal(
      { folder: join(options.folder, 'internal', 'topics'), log: options.log },
      parseSaved,
    )
    const wanted = new Set<string>()
    for (const [name, { partitions, overrides }] of this.journal.values()) {
      for (let partition = 0; partition < partitions; partition++)
        wanted.add(`${name}-${partition}`)
      this.open(name, partitions, overrides)
    }
    // What a deletion cut short has left.
    for (const name of readdirSync(this.topicsFolder)) {
      if (!wanted.has(name)) rmSync(join(this.topicsFolder, name), { recursive: true, force: true })
    }
  }

  get(name: string): Topic | undefined {
    return this.live.get(name)
  }

  list(): Iterable<Topic> {
    return this.live.values()
  }

  /** Throws UNKNOWN_TOPIC_OR_PARTITION. */
  partition(name: string, partition: number): PartitionLog {
    const found = this.live.get(name)?.partitions[partition]
    if (found !== undefined) return found
    throw new KafkaError(
      'UNKNOWN_TOPIC_OR_PARTITION',
      `there is no partition ${partition} of topic ${name}`,
    )
  }

  /** Throws what Kafka answers for a bad name, number or configuration; with `validateOnly` that is all it does. */
  create(
    name: string,
    partitions: number,
    overrides: ConfigOverrides,
    validateOnly: boolean,
  ): Topic | undefined {
    checkName(name)
    if (this.live.has(name))
      throw new KafkaError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
    const colliding = [...this.live.keys()].find(each => metricName(each) === metricName(name))
    if (colliding !== undefined) {
      throw new KafkaError(
        'INVALID_TOPIC_EXCEPTION',
        `Topic '${name}' collides with existing topic: ${colliding}`,
      )
    }
    this.checkPartitions(partitions, partitions)
    this.parse(overrides)
    if (validateOnly) return undefined
    this.journal.change([[name, { partitions, overrides }]], this.options.clock.now())
    return this.open(name, partitions, overrides)
  }

  delete(name: string): void {
    const topic = this.expect(name)
    this.journal.change([[name, undefined]], this.options.clock.now())
    this.live.delete(name)
    for (const partition of topic.partitions) {
      partition.abandon()
      rmSync(partition.options.folder, { recursive: true, force: true })
    }
  }

  /** Raises the number of partitions to `count`. */
  grow(name: string, count: number, validateOnly: boolean): void {
    const topic = this.expect(name)
    const before = topic.partitions.length
    if (count <= before) {
      const message = `Topic currently has ${before} partitions, which is higher than the requested ${count}.`
      throw new KafkaError(
        'INVALID_PARTITIONS',
        count === before ? `Topic already has ${count} partitions.` : message,
      )
    }
    this.checkPartitions(count, count - before)
    if (validateOnly) return
    this.journal.change(
      [[name, { partitions: count, overrides: topic.overrides }]],
      this.options.clock.now(),
    )
    for (let partition = before; partition < count; partition++)
      topic.partitions.push(this.openPartition(topic, partition))
  }

  /** Replaces the topic's own configuration. */
  configure(name: string, overrides: ConfigOverrides, validateOnly: boolean): void {
    const topic = this.expect(name)
    const config = this.parse(overrides)
    if (validateOnly) return
    this.journal.change(
      [[name, { partitions: topic.partitions.length, overrides }]],
      this.options.clock.now(),
    )
    topic.overrides = overrides
    topic.config = config
  }

  async close(): Promise<void> {
    for (const { partitions } of this.live.values())
      for (const partition of partitions) await partition.close()
    this.journal.close()
  }

  private get topicsFolder(): string {
    return join(this.options.folder, 'topics')
  }

  private expect(name: string): LiveTopic {
    const topic = this.live.get(name)
    if (topic !== undefined) return topic
    throw new KafkaError(
      'UNKNOWN_TOPIC_OR_PARTITION',
      'This server does not host this topic-partition.',
    )
  }

  private parse(overrides: ConfigOverrides): TopicConfig {
    return parseTopicConfig({ ...this.options.defaults, ...overrides })
  }

  private checkPartitions(partitions: number, added: number): void {
    if (partitions < 1)
      throw new KafkaError('INVALID_PARTITIONS', 'Number of partitions must be larger than 0.')
    let total = added
    for (const topic of this.live.values()) total += topic.partitions.length
    if (total <= PARTITIONS_MAX) return
    const message = `this broker holds at most ${PARTITIONS_MAX} partitions, and would have ${total}`
    throw new KafkaError('INVALID_PARTITIONS', message)
  }

  private open(name: string, partitions: number, overrides: ConfigOverrides): Topic {
    const topic: LiveTopic = { name, overrides, config: this.parse(overrides), partitions: [] }
    for (let partition = 0; partition < partitions; partition++)
      topic.partitions.push(this.openPartition(topic, partition))
    this.live.set(name, topic)
    return topic
  }

  private openPartition(topic: LiveTopic, partition: number): PartitionLog {
    const name = `${topic.name}-${partition}`
    const folder = join(this.topicsFolder, name)
    mkdirSync(folder, { recursive: true })
    const { clock, log } = this.options
    return new PartitionLog({ folder, name, clock, log, config: () => topic.config })
  }
}

function checkName(name: string): void {
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..') return
  const message = `Topic name is invalid: '${name}': 1 to 249 letters, digits, '.', '_' and '-' are allowed, but not '.' or '..'`
  throw new KafkaError('INVALID_TOPIC_EXCEPTION', message)
}

/** Kafka's metrics cannot tell a dot from an underscore, so it refuses topics that differ in nothing else. */
function metricName(name: string): string {
  return name.replaceAll('.', '_')
}

function parseSaved(value: unknown): SavedTopic {
  if (
    typeof value === 'object' &&
    value !== null &&
    'partitions' in value &&
    'overrides' in value
  ) {
    const { partitions, overrides } = value
    if (typeof partitions === 'number' && typeof overrides === 'object' && overrides !== null) {
      return {
        partitions,
        overrides: Object.fromEntries(
          Object.entries(overrides).map(([key, text]) => [key, String(text)]),
        ),
      }
    }
  }
  throw new Error(`expected a topic in the broker's journal, found ${JSON.stringify(value)}`)
}
