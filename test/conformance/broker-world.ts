import { Kafka, type KafkaConfig, logLevel } from 'kafkajs'
import { pause, unique, Wire } from './wire.ts'

/** A broker to try, with a connection for each test. */
export interface BrokerWorld {
  readonly address: string
  /** Within so long it looks for segments that are too old; not given where a test cannot wait for it. */
  readonly retentionMsMax?: number
}

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'

/** One test's view of it: what was opened is closed at the end, and the topic is its own. */
export class BrokerCase {
  readonly wire: Wire
  readonly kafka: Kafka
  readonly topic = unique('topic')
  private readonly address: string
  private readonly closers: (() => unknown)[] = []

  private constructor(address: string, wire: Wire) {
    this.address = address
    this.wire = wire
    this.kafka = this.client({})
  }

  client(config: Partial<KafkaConfig>): Kafka {
    const retry = { initialRetryTime: 50, ...config.retry }
    const brokers = [this.address]
    return new Kafka({ ...config, brokers, logLevel: logLevel.NOTHING, retry })
  }

  /** Runs the body on a new topic, unless `partitions` is 0. */
  static async run(
    world: BrokerWorld,
    body: (each: BrokerCase) => Promise<void>,
    partitions = 1,
    config: Record<string, string> = {},
  ): Promise<void> {
    const each = new BrokerCase(world.address, await Wire.open(world.address))
    try {
      await each.wire.findCoordinators()
      if (partitions > 0) await each.createTopic(each.topic, partitions, config)
      await body(each)
    } finally {
      for (const close of each.closers.reverse()) await close()
      each.wire.close()
    }
  }

  async createTopic(
    topic: string,
    numPartitions: number,
    config: Record<string, string> = {},
  ): Promise<void> {
    const admin = await this.admin()
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    await admin.createTopics({
      topics: [{ topic, numPartitions, replicationFactor: 1, configEntries }],
      waitForLeaders: false,
    })
    // Kafka answers before its one broker has heard of it.
    for (let partition = 0; partition < numPartitions; partition++) {
      while ((await this.wire.fetch(topic, 0, {}, partition)).error !== 'NONE') await pause()
    }
    this.closing(() =>
      admin.deleteTopics({ topics: [topic] }).catch(() => 'it was deleted by the test'),
    )
  }

  async admin() {
    const admin = this.kafka.admin()
    await admin.connect()
    this.closing(() => admin.disconnect())
    return admin
  }

  /** One more connection. */
  async another(): Promise<Wire> {
    const wire = await Wire.open(this.address)
    this.closing(() => wire.close())
    return wire
  }

  closing(close: () => unknown): void {
    this.closers.push(close)
  }
}
