import { createHash } from 'node:crypto'
import type { Job } from '../../jobs/job.ts'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { inputSpec } from '../../runtime/job-topics.ts'
import { LogError } from '../../runtime/log.ts'
import { outputTopics } from '../../runtime/outputs.ts'
import { checkOutputs } from './check-outputs.ts'
import { FaultPlan, type FaultRates, swarm } from './faults.ts'
import { Random } from './random.ts'
import { Scheduler } from './scheduler.ts'
import { SimCluster } from './sim-cluster.ts'
import { SimDisk } from './sim-disk.ts'
import { SimHost } from './sim-host.ts'
import { SimInput } from './sim-input.ts'
import { simJob } from './sim-job.ts'
import { offsetKey } from './sim-transactions.ts'

export interface SeedOptions {
  /** Instead of the seed's own mix. */
  readonly rates?: FaultRates
}

export interface SeedResult {
  readonly seed: number
  /** What did not hold, as sentences; none when all is well. */
  readonly problems: readonly string[]
  readonly hits: ReadonlyMap<string, number>
  readonly steps: number
  readonly virtualMs: number
  readonly restarts: number
  /** Of all outputs: two runs of one seed have the same. */
  readonly digest: string
}

const START = Date.UTC(2026, 0, 1)
const CHAOS_STEPS_MAX = 60_000
const CALM_STEPS_MAX = 150_000
/** Longer than sessions, transactions and what a caller waits for an answer. */
const CALM_MS = 20_000

/** Runs the production path under one seed's events and faults, lets it come to rest, and checks everything. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  const random = new Random(seed)
  const run = new SeedRun(random, options.rates ?? swarm(random.fork('rates')))
  const problems = await run.play()
  return {
    seed,
    problems,
    hits: run.plan.hits,
    steps: run.scheduler.steps,
    virtualMs: run.scheduler.now - START,
    restarts: run.restarts,
    digest: run.digest(),
  }
}

class SeedRun {
  readonly scheduler: Scheduler
  readonly plan: FaultPlan
  restarts = 0
  private readonly random: Random
  private readonly cluster: SimCluster
  private readonly job: Job<unknown>
  private readonly hosts: (SimHost<unknown> | undefined)[] = []
  private readonly partitions: number
  private readonly lanes: number
  private histories = 0
  private fed = false

  constructor(random: Random, rates: FaultRates) {
    this.random = random
    this.scheduler = new Scheduler(random.fork('scheduler'), START)
    this.plan = new FaultPlan(random.fork('plan'), rates)
    this.cluster = new SimCluster({ scheduler: this.scheduler, random, plan: this.plan })
    this.job = simJob({ idle: 'hold' }) as Job<unknown>
    this.partitions = random.pick([1, 1, 2, 3])
    this.lanes = random.pick([1, 2])
    this.cluster.create(inputSpec(this.job.input, this.partitions, 1))
    this.cluster.crashLane = process => {
      const host = this.hosts.find(each => each?.process === process)
      host?.crashLane(this.random.below(this.lanes))
    }
  }

  async play(): Promise<string[]> {
    const machines = this.random.pick([1, 1, 2, 3])
    for (let machine = 0; machine < machines; machine++) {
      const disk = new SimDisk(this.cluster)
      this.scheduler.after(this.random.below(5_000), () => this.start(machine, disk))
    }
    this.feed(this.random.between(20, 150))
    await this.scheduler.run(() => this.fed, CHAOS_STEPS_MAX)
    this.plan.end()
    let calmSince = this.scheduler.now
    const calm = () => {
      if (!this.isDone()) calmSince = this.scheduler.now
      return this.scheduler.now - calmSince > CALM_MS
    }
    const end = await this.scheduler.run(calm, CALM_STEPS_MAX)
    if (end !== 'done')
      return [...this.cluster.violations, `it never came to rest: ${end}, ${this.lag()}`]
    const problems = checkOutputs(this.cluster, this.job, {
      time: 'exact',
      timeless: [],
      deaths: true,
    })
    return [...this.cluster.violations, ...problems]
  }

  digest(): string {
    const { commits: _, ...topics } = outputTopics(this.job.name)
    const hash = createHash('sha1')
    for (const topic of Object.values(topics)) {
      if (!this.cluster.spec(topic)) continue
      for (const partition of this.cluster.partitions(topic)) {
        for (const { offset, key, value } of partition.everCommitted()) {
          hash.update(`${topic} ${partition.partition} ${offset} ${key} `)
          hash.update(value ?? 'null')
        }
      }
    }
    return hash.digest('hex')
  }

  /** A process on its machine's disk; a killed one comes back after a while, one time in five without its disk. */
  private start(machine: number, disk: SimDisk): void {
    const host = new SimHost({
      cluster: this.cluster,
      disk,
      job: this.job,
      name: `machine-${machine}.${this.restarts}`,
      lanes: this.lanes,
      newHistory: () => `history-${++this.histories}`,
      onFatal: error => this.died(host, error),
      onError: message => {
        if (message.startsWith('task refused')) this.cluster.violations.push(message)
      },
    })
    this.hosts[machine] = host
    host.process.onKilled(() => {
      this.restarts++
      if (this.random.chance(0.2)) disk.wipe()
      this.scheduler.after(this.random.between(50, 15_000), () => this.start(machine, disk))
    })
    host.start().catch((error: Error) => this.died(host, error))
    if (!this.fed && this.random.chance(0.4)) {
      this.scheduler.after(this.random.below(40_000), () => void this.leave(host))
    }
  }

  /** An orderly end, as for a new version: everything is committed, and the group is told. */
  private async leave(host: SimHost<unknown>): Promise<void> {
    if (host.process.killed) return
    await host.stop()
    host.process.kill()
  }

  /** It ends by itself, and somebody starts it again; a reason other than a fault of ours is a problem. */
  private died(host: SimHost<unknown>, error: Error): void {
    const expected = error instanceof LogError && error.code === 'unreachable'
    if (!expected) this.cluster.violations.push(`${host.process.name} ended: ${error.stack}`)
    this.scheduler.after(0, () => host.process.kill())
  }

  /** Events at random times, some in transactions of a producer of their own, which aborts every third. */
  private feed(events: number): void {
    const random = this.random.fork('feed')
    const input = new SimInput(random, this.partitions, random.pick([1, 4, 12]))
    const transactional = random.chance(0.3)
    let left = events
    let transactions = 0
    const more = async () => {
      const count = Math.min(left, random.pick([1, 1, 2, 10]))
      left -= count
      const entries = Array.from({ length: count }, () => input.next(this.scheduler.now))
      if (!transactional) {
        for (const { partition, record } of entries) this.append(partition, record)
      } else {
        const { transactions: coordinator } = this.cluster
        const writer = await coordinator.fence('feeder', 60_000)
        const appends = entries.map(({ partition, record }) => ({
          partition: this.cluster.partition(this.job.input, partition),
          records: [record],
        }))
        await coordinator.append('feeder', writer, appends)
        await this.scheduler.sleep(random.below(50))
        await coordinator.endTransaction(
          'feeder',
          writer,
          ++transactions % 3 === 0 ? 'abort' : 'commit',
        )
      }
      if (left > 0) this.scheduler.after(random.pick([1, 50, 1_000, 5_000]), more)
      else this.fed = true
    }
    this.scheduler.after(random.below(3_000), more)
  }

  private append(partition: number, record: OutgoingRecord): void {
    this.cluster.partition(this.job.input, partition).append([record], this.scheduler.now)
  }

  private isDone(): boolean {
    return this.cluster.transactions.quiet && this.lag() === ''
  }

  /** For each partition that is not done: how far it is. */
  private lag(): string {
    const { commits } = outputTopics(this.job.name)
    return this.cluster
      .partitions(this.job.input)
      .filter(({ partition, end }) => {
        const committed = this.cluster.transactions.committed.get(
          offsetKey(commits, this.job.input, partition),
        )
        return committed === undefined || committed.next < end
      })
      .map(({ partition, end }) => `partition ${partition} ends at ${end}`)
      .join()
  }
}
