import type { Clock } from '../../runtime/clock.ts'
import { type Log, LogError, type TopicSpec } from '../../runtime/log.ts'
import { type FaultKind, FaultPlan } from './faults.ts'
import { Network } from './network.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import { SimGroup } from './sim-group.ts'
import { SimLog } from './sim-log.ts'
import { SimPartition } from './sim-partition.ts'
import { SimProcess } from './sim-process.ts'
import { SimTransactions } from './sim-transactions.ts'

export interface ClusterOptions {
  readonly scheduler: Scheduler
  readonly random: Random
  /** No faults when left out. */
  readonly plan?: FaultPlan
}

interface SimTopic {
  readonly spec: TopicSpec
  readonly partitions: readonly SimPartition[]
  /** What was there before it was made anew, the oldest first. */
  readonly former: readonly (readonly SimPartition[])[]
}

/** One simulated process's way to the cluster. */
export interface Handle {
  readonly process: SimProcess
  readonly clock: Clock
  readonly log: Log
  /** As `kill -9`: none of its promises settles any more. What is on the wire may still arrive. */
  kill(): void
}

/** The truth of the simulation: topics, transactions, groups. What processes see of it goes over `network`. */
export class SimCluster {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly network: Network
  readonly transactions: SimTransactions
  /** Breaches of the log's contract by those who call it; a run with any has failed. */
  readonly violations: string[] = []
  /** Ends one of the process's lanes; set by who runs lanes. */
  crashLane: (process: SimProcess) => void = () => undefined
  private readonly topics = new Map<string, SimTopic>()
  private readonly groups = new Map<string, SimGroup>()

  constructor({
    scheduler,
    random,
    plan = new FaultPlan(random.fork('plan'), {}),
  }: ClusterOptions) {
    this.scheduler = scheduler
    this.random = random.fork('cluster')
    this.transactions = new SimTransactions(scheduler, random.fork('transactions'))
    this.network = new Network(scheduler, random.fork('network'), plan, (kind, process, subject) =>
      this.disturb(kind, process, subject),
    )
  }

  open(name: string): Handle {
    return this.handleOf(new SimProcess(name, this.scheduler))
  }

  /** For a thread of a process: what it waits for dies with it. */
  handleOf(process: SimProcess): Handle {
    const log = new SimLog(this, process)
    return { process, clock: process.clock, log, kill: () => process.kill() }
  }

  create(spec: TopicSpec): void {
    if (!this.topics.has(spec.topic)) this.make(spec, [])
  }

  /** As a person does who deletes a topic and creates it again. */
  makeAnew(topic: string): void {
    const known = this.topics.get(topic)
    if (known) this.make(known.spec, [...known.former, known.partitions])
  }

  /** One partition of a topic, and what it was before the topic was made anew, the oldest first. */
  everyInput(topic: string, partition: number): SimPartition[] {
    const { former = [], partitions = [] } = this.topics.get(topic) ?? {}
    return [...former, partitions].flatMap(each => each[partition] ?? [])
  }

  topicNames(): string[] {
    return [...this.topics.keys()]
  }

  spec(topic: string): TopicSpec | undefined {
    return this.topics.get(topic)?.spec
  }

  partitions(topic: string): readonly SimPartition[] {
    const known = this.topics.get(topic)
    if (!known) throw new LogError('unknown-topic', `topic ${topic} does not exist`)
    return known.partitions
  }

  partition(topic: string, partition: number): SimPartition {
    const known = this.partitions(topic)[partition]
    if (known) return known
    throw new LogError('unknown-topic', `topic ${topic} has no partition ${partition}`)
  }

  group(name: string, topic: string): SimGroup {
    const known = this.groups.get(name)
    if (known) return known
    const partitions = () => this.topics.get(topic)?.partitions.length ?? 0
    const created = new SimGroup(name, this.scheduler, partitions)
    this.groups.set(name, created)
    return created
  }

  compact(): void {
    for (const { spec, partitions } of this.topics.values()) {
      if (spec.config['cleanup.policy'] !== 'compact') continue
      for (const partition of partitions) partition.compact(this.scheduler.now)
    }
  }

  private make(spec: TopicSpec, former: SimTopic['former']): void {
    const partitions = Array.from(
      { length: spec.partitions },
      (_, p) => new SimPartition(spec.topic, p),
    )
    this.topics.set(spec.topic, { spec, partitions, former })
  }

  private disturb(kind: FaultKind, process: SimProcess, subject: string): void {
    switch (kind) {
      case 'crash-before':
      case 'crash-after':
        process.root.kill()
        break
      case 'rebalance':
        for (const group of this.groups.values()) group.rebalance()
        break
      case 'transaction-timeout':
        this.transactions.timeOut(subject)
        break
      case 'stolen':
        void this.transactions.fence(subject, 30_000)
        break
      case 'compaction':
        this.compact()
        break
      case 'clock-jump':
        process.root.skewMs = this.random.between(-CLOCK_SKEW_MS_MAX, CLOCK_SKEW_MS_MAX)
        break
      case 'lane-crash':
        this.crashLane(process.root)
        break
    }
  }
}

/** Beyond the five minutes after which the runtime must notice. */
const CLOCK_SKEW_MS_MAX = 10 * 60_000
