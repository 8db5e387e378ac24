import {
  type Append,
  type Committed,
  type Log,
  type MembershipOptions,
  nextOffset,
  type Offset,
  offset,
  type PackedAppend,
  type Producer,
  type ReaderOptions,
  type TopicDescription,
  type TopicSpec,
  type Topics,
  type TransactorOptions,
} from '../../runtime/log.ts'
import type { AwaitPoint } from './faults.ts'
import type { SimCluster } from './sim-cluster.ts'
import { SimMembership } from './sim-membership.ts'
import type { SimProcess } from './sim-process.ts'
import { SimReader } from './sim-reader.ts'
import { offsetKey } from './sim-transactions.ts'
import { SimTransactor } from './sim-transactor.ts'
import { unpacked } from './unpacked.ts'

/** The log as one simulated process sees it. */
export class SimLog implements Log {
  readonly topics: Topics
  private readonly cluster: SimCluster
  private readonly process: SimProcess

  constructor(cluster: SimCluster, process: SimProcess) {
    this.cluster = cluster
    this.process = process
    this.topics = {
      create: specs => this.create(specs),
      describe: async topic => (await this.describeAll([topic]))[0],
      describeAll: topics => this.describeAll(topics),
      counts: () =>
        this.call(
          'topics.describe',
          '',
          () =>
            new Map(
              this.cluster.topicNames().map(name => [name, this.cluster.partitions(name).length]),
            ),
        ),
      names: () => this.call('topics.describe', '', () => this.cluster.topicNames()),
      ranges: topic => this.ranges(topic),
    }
  }

  reader(options: ReaderOptions): SimReader {
    return new SimReader(this.cluster, this.process, options)
  }

  membership(options: MembershipOptions): SimMembership {
    return new SimMembership(this.cluster, this.process, options)
  }

  transactor(options: TransactorOptions): SimTransactor {
    return new SimTransactor(this.cluster, this.process, options)
  }

  producer(): Producer {
    let last: Promise<unknown> = Promise.resolve()
    return {
      send: appends => {
        const sent = last.then(() => this.produce(appends))
        last = sent.catch(() => undefined) // told to this send's caller; the next one goes on
        return sent
      },
      close: async () => undefined,
    }
  }

  committed(
    group: string,
    topic: string,
    partitions: number[],
  ): Promise<(Committed | undefined)[]> {
    const { committed } = this.cluster.transactions
    return this.call('committed', group, () =>
      partitions.map(partition => committed.get(offsetKey(group, topic, partition))),
    )
  }

  async close(): Promise<void> {
    // Nothing is held open: what this log handed out is closed by whoever asked for it.
  }

  private create(specs: TopicSpec[]): Promise<void> {
    return this.call('topics.create', specs.map(({ topic }) => topic).join(), () => {
      for (const spec of specs) this.cluster.create(spec)
    })
  }

  private describeAll(topics: readonly string[]): Promise<(TopicDescription | undefined)[]> {
    return this.call('topics.describe', topics.join(), () =>
      topics.map(topic => {
        const spec = this.cluster.spec(topic)
        return spec && { topic, partitions: spec.partitions, config: spec.config }
      }),
    )
  }

  private ranges(topic: string) {
    return this.call('topics.ranges', topic, () =>
      this.cluster
        .partitions(topic)
        .map(({ start, end }) => ({ start: nextOffset(start), end: nextOffset(end) })),
    )
  }

  private produce(appends: readonly (Append | PackedAppend)[]): Promise<Offset[]> {
    const forwards = appends.some(({ topic }) => !topic.includes('.')) // an input, and no job's output
    const point = forwards ? 'forward.send' : 'producer.send'
    return this.call(point, appends.map(({ topic }) => topic).join(), () => {
      const targets = appends.map(({ topic, partition }) =>
        this.cluster.partition(topic, partition),
      )
      return targets.map((target, index) =>
        offset(target.append(unpacked(appends[index]?.records ?? []), this.cluster.scheduler.now)),
      )
    })
  }

  private call<T>(point: AwaitPoint, subject: string, effect: () => T): Promise<T> {
    return this.cluster.network.call({ process: this.process, point, subject, effect })
  }
}
