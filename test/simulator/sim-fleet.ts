import type { Job } from '../../jobs/job.ts'
import { inputSpec } from '../../runtime/job-topics.ts'
import { LogError } from '../../runtime/log.ts'
import { outputTopics } from '../../runtime/outputs.ts'
import { parseMarker } from '../../runtime/progress.ts'
import { forwardsGroup, rekeyedTopic } from '../../runtime/rekeyed.ts'
import { isMarker, type Upheaval } from './progress-of.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { SimCluster } from './sim-cluster.ts'
import { SimDisk } from './sim-disk.ts'
import { type EventInput, SimFeed } from './sim-feed.ts'
import { SimHost } from './sim-host.ts'
import { simJob } from './sim-job.ts'
import { offsetKey } from './sim-transactions.ts'

/** What a fleet runs, and what comes to it; `simJob` and `SimInput` when left out. */
export interface FleetPart {
  readonly define: (definition: 1 | 2) => Job<unknown>
  readonly input?: EventInput
}

/**
 * A job's machines with their processes, and the person who minds them: who starts what has ended, with the
 * flags of the day, and does what a refusal says.
 */
export class SimFleet {
  readonly scenario: Scenario
  readonly feed: SimFeed
  readonly disks: SimDisk[] = []
  /** What processes that start from now on are started with. */
  job: Job<unknown>
  era = 0
  acceptLoss = false
  /** The group's offsets may be missing. */
  forgotten = false
  restarts = 0
  readonly bites = new Map<string, number>()
  private readonly definitions: Job<unknown>[] = []
  private readonly cluster: SimCluster
  private readonly random: Random
  private readonly hosts: (SimHost<unknown> | undefined)[] = []
  private readonly leaving = new Set<SimHost<unknown>>()
  private readonly part: FleetPart
  private histories = 0

  constructor(cluster: SimCluster, random: Random, scenario: Scenario, part?: FleetPart) {
    const { idle } = scenario
    this.part = part ?? { define: definition => simJob({ idle, definition }) as Job<unknown> }
    this.cluster = cluster
    this.random = random
    this.scenario = scenario
    this.job = this.define(1)
    cluster.create(inputSpec(this.job.input, scenario.partitions, 1))
    this.feed = new SimFeed(cluster, this.job.input, random.fork('feed'), scenario, this.part.input)
    const ofOthers = cluster.crashLane
    cluster.crashLane = process => {
      ofOthers(process)
      const host = this.hosts.find(each => each?.process === process)
      host?.crashLane(random.below(scenario.lanes))
    }
  }

  start(): void {
    for (let machine = 0; machine < this.scenario.machines; machine++) {
      const disk = new SimDisk(this.cluster, outputTopics(this.job.name).changelog)
      this.disks.push(disk)
      this.cluster.scheduler.after(this.random.below(5_000), () => this.open(machine, disk))
    }
    this.feed.start()
  }

  get upheaval(): Upheaval {
    const { definitions, acceptLoss, forgotten, era } = this
    return { definitions, lossAccepted: acceptLoss, madeAnew: era > 0, forgotten }
  }

  get running(): SimHost<unknown>[] {
    return this.hosts.filter(
      host => host !== undefined && !host.process.killed,
    ) as SimHost<unknown>[]
  }

  /** Processes that are started from now on have this definition. */
  define(definition: 1 | 2): Job<unknown> {
    this.job = this.part.define(definition)
    this.definitions.push(this.job)
    return this.job
  }

  bite(what: string): void {
    this.bites.set(what, (this.bites.get(what) ?? 0) + 1)
  }

  /** All machines lose their power at once. */
  killAll(): void {
    for (const { process } of this.running) process.kill()
  }

  /** An orderly end, as for a new version: everything is committed, and the group is told. It starts again. */
  async leave(host: SimHost<unknown>): Promise<void> {
    if (host.process.killed || this.leaving.has(host)) return
    this.leaving.add(host)
    await host.stop()
    host.process.kill()
  }

  isDone(): boolean {
    const { running } = this
    const atWork = running.length === this.scenario.machines
    const ready = running.every(host => host.notReady().length === 0)
    return atWork && ready && this.cluster.transactions.quiet && this.lag() === ''
  }

  /** For each partition that is not done, or not at work: how far it is. */
  lag(): string {
    const behind = this.cluster
      .partitions(this.job.input)
      .map(({ partition, end }) => ({ partition, end, next: this.committed(partition) }))
      .filter(({ next, end }) => next === undefined || next < end)
      .map(({ partition, end, next }) => `partition ${partition} is at ${next}, its end ${end}`)
    const waiting = this.forwardLag()
    return [...behind, ...waiting, ...this.running.flatMap(host => host.notReady())].join('; ')
  }

  /** For each partition whose rekeyed records are not all forwarded: how far that is. */
  private forwardLag(): string[] {
    const { name, rekeys } = this.job
    const topic = rekeyedTopic(name)
    if (rekeys === undefined || !this.cluster.spec(topic)) return []
    return this.cluster.partitions(topic).flatMap(({ partition, end }) => {
      const key = offsetKey(forwardsGroup(name), topic, partition)
      const next = this.cluster.transactions.committed.get(key)?.next ?? 0
      return next < end ? [`${topic}-${partition} is forwarded to ${next}, its end ${end}`] : []
    })
  }

  /** What a partition has committed: as the group says, or, where it forgot, the newest marker. */
  committed(partition: number): number | undefined {
    const { commits, changelog } = outputTopics(this.job.name)
    const known = this.cluster.transactions.committed.get(
      offsetKey(commits, this.job.input, partition),
    )
    if (known || !this.forgotten || !this.cluster.spec(changelog)) return known?.next
    const newest = this.cluster
      .partition(changelog, partition)
      .everCommitted()
      .filter(isMarker)
      .at(-1)
    return newest && parseMarker(String(newest.value), newest.offset)?.next
  }

  /** A process on its machine's disk; a killed one comes back after a while, one time in five without its disk. */
  private open(machine: number, disk: SimDisk): void {
    const { random, scenario } = this
    const host = new SimHost({
      cluster: this.cluster,
      disk,
      job: this.job,
      name: `${this.job.name === 'sim' ? '' : `${this.job.name}-`}machine-${machine}.${this.restarts}`,
      lanes: scenario.lanes,
      flags: { mode: scenario.mode, era: this.era, acceptLoss: this.acceptLoss },
      newHistory: () => `history-${++this.histories}`,
      onFatal: error => this.died(host, error),
      onError: message => this.told(host, message),
    })
    this.hosts[machine] = host
    host.process.onKilled(() => {
      this.restarts++
      if (random.chance(0.2)) disk.wipe()
      this.cluster.scheduler.after(random.between(50, 15_000), () => this.open(machine, disk))
    })
    host.start().catch((error: Error) => this.died(host, error))
    if (!this.feed.ended && random.chance(0.4)) {
      this.cluster.scheduler.after(random.below(40_000), () => void this.leave(host))
    }
  }

  /** It ends by itself, and somebody starts it again; a reason other than a fault of ours is a problem. */
  private died(host: SimHost<unknown>, error: Error): void {
    const unreachable = error instanceof LogError && error.code === 'unreachable'
    const outdated = /is at generation .* restart it with the new definition/.test(error.message)
    if (outdated) this.bite('outdated')
    const expected = unreachable || (outdated && this.definitions.length > 1)
    if (!expected) this.cluster.violations.push(`${host.process.name} ended: ${error.stack}`)
    this.cluster.scheduler.after(0, () => host.process.kill())
  }

  /** What a process logs as an error: a person reads a refusal and does what it says. */
  private told(host: SimHost<unknown>, message: string): void {
    if (!message.startsWith('task refused')) return
    const remedy = this.remedyFor(message)
    if (!remedy) {
      this.cluster.violations.push(message)
      return
    }
    this.cluster.scheduler.after(this.random.between(100, 10_000), () => {
      remedy()
      void this.leave(host)
    })
  }

  private remedyFor(message: string): (() => void) | undefined {
    const { kind } = this.scenario
    const lost =
      /: (\d+) records are lost to sim-(\d+): it is to go on at (\d+), .* now starts at (\d+) .*--accept-loss$/.exec(
        message,
      )
    if (kind === 'retention' && lost) {
      const [, count, partition, next, start] = lost.map(Number)
      const now = this.cluster.partition(this.job.input, partition as number).start
      // Another process may have gone on since it was asked.
      const committed = this.committed(partition as number) ?? 0
      const right = (next as number) <= committed && (start as number) <= now
      if (!right || count !== (start as number) - (next as number)) return undefined
      this.bite('loss refused')
      return () => {
        this.acceptLoss = true
      }
    }
    if (kind === 'made-anew' && /start (it )?with --era 1/.test(message)) {
      this.bite('old input refused')
      return () => {
        this.era = 1
      }
    }
    return undefined
  }
}
