import { outputTopics } from '../../runtime/outputs.ts'
import type { Random } from './random.ts'
import type { SimCluster } from './sim-cluster.ts'
import type { SimFleet } from './sim-fleet.ts'
import { offsetKey } from './sim-transactions.ts'

/** Does to a running fleet what its scenario says, at seeded times. */
export class Upheavals {
  /** Nothing more will happen. */
  ended = false
  private readonly cluster: SimCluster
  private readonly fleet: SimFleet
  private readonly random: Random

  constructor(cluster: SimCluster, fleet: SimFleet, random: Random) {
    this.cluster = cluster
    this.fleet = fleet
    this.random = random.fork('upheavals')
  }

  start(): void {
    void this.run()
  }

  private async run(): Promise<void> {
    const { random } = this
    await this.sleep(random.between(2_000, 30_000))
    switch (this.fleet.scenario.kind) {
      case 'retention':
        for (let left = random.between(1, 3); left > 0; left--) await this.retain()
        break
      case 'forgotten-offsets':
        for (let left = random.between(1, 4); left > 0; left--) await this.forget()
        break
      case 'made-anew':
        this.makeAnew()
        break
      case 'changed-job':
        await this.change()
    }
    this.ended = true
  }

  /** The start overtakes the tasks of one partition: while all processes are dead, or at any moment. */
  private async retain(): Promise<void> {
    const { random, fleet } = this
    if (random.chance(0.6)) {
      fleet.killAll()
      await this.sleep(random.below(8_000))
    }
    const { input } = fleet.job
    const partition = this.cluster.partition(input, random.below(fleet.scenario.partitions))
    const next = Math.min(fleet.committed(partition.partition) ?? 0, partition.end)
    const start = random.between(Math.max(next, partition.start), partition.end)
    if (start > next) fleet.bite('retention overtook')
    partition.moveStart(start)
    await this.sleep(random.below(20_000))
  }

  private async forget(): Promise<void> {
    const { random, fleet } = this
    const { commits } = outputTopics(fleet.job.name)
    fleet.forgotten = true
    for (let partition = 0; partition < fleet.scenario.partitions; partition++) {
      const key = offsetKey(commits, fleet.job.input, partition)
      if (this.cluster.transactions.committed.delete(key)) fleet.bite('offset forgotten')
    }
    if (random.chance(0.6)) fleet.killAll()
    await this.sleep(random.below(20_000))
  }

  /** Whoever deletes an input stops its job before. */
  private makeAnew(): void {
    this.fleet.killAll()
    this.cluster.makeAnew(this.fleet.job.input)
    this.fleet.bite('input made anew')
  }

  /** One machine after the other, as a rolling restart does; now and then a new one dies, and an old one takes over. */
  private async change(): Promise<void> {
    const { fleet, random } = this
    fleet.define(2)
    fleet.bite('job changed')
    for (const host of fleet.running) {
      await this.sleep(random.below(10_000))
      await Promise.race([fleet.leave(host), this.sleep(15_000)])
      if (random.chance(0.5)) continue
      await this.sleep(random.below(30_000))
      fleet.running[0]?.process.kill()
      await this.sleep(random.below(30_000)) // long enough for an old one to take over
    }
  }

  private sleep(ms: number): Promise<void> {
    return this.cluster.scheduler.sleep(ms)
  }
}
