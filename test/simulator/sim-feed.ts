import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { SimCluster } from './sim-cluster.ts'
import { SimInput } from './sim-input.ts'

const PAUSES_MS = [1, 50, 1_000, 5_000]
/** Long enough for a task to be idle, so that the wall clock moves it. */
const REST_MS = 20_000
/** Once in some seeds: all timers of all users are due. */
const LONG_REST_MS = 500_000
const DEADLY = 0.03

export interface EventInput {
  /** One record and the partition that it goes to. `now`: event time's wall clock, epoch ms. */
  next(now: number): { partition: number; record: OutgoingRecord }
}

/** Events at random times into the input, some in transactions of a producer of their own, which aborts every third. */
export class SimFeed {
  /** All is written. */
  ended = false
  private readonly cluster: SimCluster
  private readonly topic: string
  private readonly random: Random
  private readonly input: EventInput
  private readonly scenario: Scenario
  private left: number
  private longRestAt: number
  private transactions = 0

  constructor(
    cluster: SimCluster,
    topic: string,
    random: Random,
    scenario: Scenario,
    input?: EventInput,
  ) {
    const { partitions, users, events, kind } = scenario
    this.cluster = cluster
    this.topic = topic
    this.random = random
    this.scenario = scenario
    this.left = events
    this.longRestAt = random.chance(0.3) ? random.between(1, events) : 0
    const deadly = kind === 'deadly-records' ? DEADLY : 0
    this.input = input ?? new SimInput(random, partitions, users, deadly)
  }

  start(): void {
    this.cluster.scheduler.after(this.random.below(3_000), () => void this.more())
  }

  private async more(): Promise<void> {
    const { scheduler } = this.cluster
    const { random } = this
    const count = Math.min(this.left, random.pick([1, 1, 2, 10]))
    this.left -= count
    const entries = Array.from({ length: count }, () => this.input.next(scheduler.now))
    const appends = entries.map(({ partition, record }) => ({
      partition: this.cluster.partition(this.topic, partition),
      records: [record],
    }))
    if (!this.scenario.transactionalInput) {
      for (const { partition, records } of appends) partition.append(records, scheduler.now)
    } else {
      const { transactions: coordinator } = this.cluster
      const writer = await coordinator.fence('feeder', 60_000)
      await coordinator.append('feeder', writer, appends)
      await scheduler.sleep(random.below(50))
      const aborts = ++this.transactions % 3 === 0
      await coordinator.endTransaction('feeder', writer, aborts ? 'abort' : 'commit')
    }
    if (this.left === 0) this.ended = true
    else {
      scheduler.after(this.pauseMs(), () => void this.more())
    }
  }

  private pauseMs(): number {
    const { random } = this
    if (this.left <= this.longRestAt) {
      this.longRestAt = 0
      return LONG_REST_MS
    }
    const rests = this.scenario.idle === 'wall-clock' && random.chance(0.05)
    return rests ? REST_MS + random.below(REST_MS) : random.pick(PAUSES_MS)
  }
}
