import type { Job } from '../../jobs/job.ts'
import { Generation } from '../../runtime/generation.ts'
import { checkPartitions, prepareTopics } from '../../runtime/job-topics.ts'
import type { Log } from '../../runtime/log.ts'
import { Source } from '../../runtime/source.ts'
import type { SimCluster } from './sim-cluster.ts'
import type { SimDisk } from './sim-disk.ts'
import { openSimLane, type SimFlags, type SimLane } from './sim-lane.ts'
import type { SimProcess } from './sim-process.ts'

export interface HostOptions<State> {
  readonly cluster: SimCluster
  readonly disk: SimDisk
  readonly job: Job<State>
  readonly name: string
  readonly lanes: number
  readonly newHistory: () => string
  readonly flags: SimFlags
  /** The process said that it cannot go on. */
  readonly onFatal: (error: Error) => void
  /** What it would tell a person: refusals, deaths of lanes. */
  readonly onError: (message: string) => void
}

/** A job's process (`startJobProcess`) with the simulation's log, lanes and disk. */
export class SimHost<State> {
  readonly process: SimProcess
  readonly job: Job<State>
  private readonly options: HostOptions<State>
  private readonly log: Log
  private readonly source: Source
  private readonly lanes: SimLane[] = []

  constructor(options: HostOptions<State>) {
    const { cluster, disk, job, name, newHistory, flags } = options
    this.options = options
    this.job = job
    const { process, log, clock } = cluster.open(name)
    this.process = process
    this.log = log
    this.source = new Source({
      job: job.name,
      input: job.input,
      lanes: options.lanes,
      log,
      clock,
      logger: {
        info: () => undefined,
        warn: () => undefined,
        error: (_fields: unknown, message?: string) => options.onError(message ?? ''),
      },
      sessionMs: 10_000,
      hangMsMax: 60_000,
      previousMemberId: disk.memberId,
      openLane: (index, events) => {
        const lane = openSimLane({
          cluster,
          disk,
          job,
          process,
          name: `lane-${index}`,
          newHistory,
          flags,
          events,
        })
        this.lanes[index] = lane
        return lane
      },
      stored: () => disk.names().map(Number),
      partitions: () => checkPartitions(log, job as Job),
      generation: new Generation(log, job),
      onMember: memberId => {
        disk.memberId = memberId
      },
      onFatal: options.onFatal,
    })
  }

  async start(): Promise<void> {
    await prepareTopics(this.log, this.options.job as Job, 1, () => undefined)
    await this.source.start()
  }

  /** Leaves in order. */
  async stop(): Promise<void> {
    await this.source.stop()
    this.options.disk.memberId = undefined
  }

  crashLane(index: number): void {
    this.lanes[index % this.lanes.length]?.crash()
  }

  get partitions(): readonly number[] {
    return this.source.figures.slots.map(({ partition }) => partition)
  }

  /** Why it does not do all of its job now. */
  notReady(): string[] {
    return this.source.notReady()
  }
}
