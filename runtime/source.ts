import type { Logger } from 'pino'
import type { Clock } from './clock.ts'
import type { LaneEvents, LaneHandle } from './lane-thread.ts'
import type { Batch, Fetched, Log, Membership, NextOffset, Reader } from './log.ts'
import type { FailureCode, FromLane, LaneSamples, LaneTaskFigures } from './messages.ts'
import { Watchdog } from './watchdog.ts'

export interface SourceOptions {
  readonly job: string
  readonly input: string
  readonly lanes: number
  readonly log: Log
  readonly clock: Clock
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly sessionMs: number
  /** A lane that does not beat for so long is ended. */
  readonly hangMsMax: number
  readonly previousMemberId: string | undefined
  readonly openLane: (index: number, events: LaneEvents) => LaneHandle
  /** Partitions whose stores lie here. */
  readonly stored: () => readonly number[]
  /** Number of partitions that all of the job's topics have; rejects when they differ. */
  readonly partitions: () => Promise<number>
  readonly onMember: (memberId: string) => void
  /** The process cannot go on, and must end. */
  readonly onFatal: (error: Error) => void
}

/** Bytes of one partition on their way through a lane: above the first it is paused, below the second resumed. */
export const queueBytesMax = 8 * 1024 * 1024
const queueBytesResume = 4 * 1024 * 1024
const waitMsMax = 100
const partitionBytesMax = 1024 * 1024
const caughtUpEveryMs = 500
const retryMsMax = 5_000
/** A lane that dies sooner is opened again only after `retryMsMax`. */
const laneLifeMsMin = 2_000

type Phase = 'taking' | 'live' | 'waiting' | 'refused'

interface Slot {
  readonly partition: number
  incarnation: number
  phase: Phase
  reason: string | undefined
  queuedBytes: number
  paused: boolean
  failures: number
  /** As the reader last saw them. */
  next: NextOffset | undefined
  end: NextOffset | undefined
  toldCaughtUpAt: number
  /** Deaths of its lane with the same record in hand. */
  deaths: { offset: number; count: number } | undefined
  restore: { done: number; total: number } | undefined
  figures: LaneTaskFigures | undefined
}

export interface SourceFigures {
  readonly slots: readonly Readonly<Slot>[]
  readonly fencings: number
  readonly takeovers: number
  readonly laneRestarts: number
}

/**
 * The main thread of a job's process: the only member of the group. It has the partitions that it is given
 * taken over by its lanes, reads the input for them, hands batches on as bytes, and decides what follows
 * when a task or a lane fails.
 */
export class Source {
  readonly #options: SourceOptions
  readonly #slots = new Map<number, Slot>()
  readonly #lanes: LaneHandle[] = []
  readonly #reader: Reader
  readonly #membership: Membership
  readonly #watchdog: Watchdog
  readonly #closing = new AbortController()
  readonly #counts = { fencings: 0, takeovers: 0, laneRestarts: 0 }
  readonly #running = new Set<number>()
  readonly #openedAt = new Map<number, number>()
  #incarnations = 0
  #generation: number | undefined
  #joined = false
  #reading: Promise<void> | undefined
  #stopped: (() => void) | undefined
  onSamples: ((samples: LaneSamples) => void) | undefined

  constructor(options: SourceOptions) {
    const { job, input, log, sessionMs, previousMemberId, stored, clock, hangMsMax } = options
    this.#options = options
    this.#reader = log.reader({ topic: input, waitMsMax, partitionBytesMax })
    this.#membership = log.membership({
      group: job,
      topic: input,
      sessionMs,
      previousMemberId,
      owned: () => [...new Set([...this.#slots.keys(), ...stored()])],
      onAssigned: (partitions, memberId) => void this.#assigned(partitions, memberId),
      onFailed: options.onFatal,
    })
    this.#watchdog = new Watchdog(clock, hangMsMax, index => this.#hung(index))
  }

  async start(): Promise<void> {
    for (let index = 0; index < this.#options.lanes; index++) this.#openLane(index)
    await this.#membership.join()
    this.#reading = this.#read()
  }

  /** Leaves in order: tasks commit and write their stores, then the group is told. */
  async stop(): Promise<void> {
    this.#closing.abort()
    this.#watchdog.stop()
    await this.#reader.close()
    await this.#reading
    const stopped = new Promise<void>(resolve => {
      this.#stopped = resolve
    })
    if (this.#running.size === 0) this.#stopped?.()
    for (const lane of this.#lanes) lane.post({ kind: 'stop' })
    await stopped
    await this.#membership.leave()
  }

  get figures(): SourceFigures {
    return { slots: [...this.#slots.values()], ...this.#counts }
  }

  /** Why it does not do all of its job now; empty when it does. */
  notReady(): string[] {
    if (!this.#joined) return ['waiting for the group to assign partitions']
    const reasons: string[] = []
    for (const { partition, phase, reason, restore } of this.#slots.values()) {
      if (phase === 'live') continue
      const restoring =
        restore && phase === 'taking'
          ? `, ${restore.done} of ${restore.total} records restored`
          : ''
      reasons.push(`partition ${partition} is ${phase}${reason ? `: ${reason}` : restoring}`)
    }
    return reasons
  }

  #openLane(index: number): void {
    this.#openedAt.set(index, this.#options.clock.elapsed())
    const lane = this.#options.openLane(index, {
      onMessage: message => this.#told(message),
      onEnded: error => this.#laneEnded(index, error),
    })
    this.#lanes[index] = lane
    this.#running.add(index)
    this.#watchdog.watch(index, lane)
  }

  #laneOf(partition: number): LaneHandle {
    return this.#lanes[partition % this.#lanes.length] as LaneHandle
  }

  async #assigned(partitions: readonly number[], memberId: string): Promise<void> {
    this.#options.onMember(memberId)
    for (const partition of [...this.#slots.keys()])
      if (!partitions.includes(partition)) this.#giveUp(partition)
    try {
      const count = await this.#options.partitions()
      this.#joined = true
      for (const partition of partitions)
        if (!this.#slots.has(partition)) this.#take(partition, count, false)
    } catch (error) {
      this.#options.onFatal(error as Error)
    }
  }

  #take(partition: number, partitions: number, sameOwner: boolean): void {
    if (this.#closing.signal.aborted) return
    const before = this.#slots.get(partition)
    const incarnation = ++this.#incarnations
    const slot: Slot = {
      partition,
      incarnation,
      phase: 'taking',
      reason: undefined,
      queuedBytes: 0,
      paused: false,
      failures: before?.failures ?? 0,
      next: undefined,
      end: before?.end,
      toldCaughtUpAt: 0,
      deaths: before?.deaths,
      restore: undefined,
      figures: undefined,
    }
    this.#slots.set(partition, slot)
    this.#reader.drop(partition)
    this.#counts.takeovers++
    const poison = slot.deaths && slot.deaths.count >= 2 ? slot.deaths.offset : undefined
    this.#laneOf(partition).post({
      kind: 'take',
      partition,
      incarnation,
      order: { partitions, generation: this.#generation, sameOwner, poison },
    })
  }

  #giveUp(partition: number): void {
    this.#slots.delete(partition)
    this.#reader.drop(partition)
    this.#laneOf(partition).post({ kind: 'give-up', partition, clean: true })
  }

  async #read(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        for (const fetched of await this.#reader.poll()) this.#deliver(fetched)
      } catch (error) {
        if (this.#closing.signal.aborted) return
        this.#options.onFatal(error as Error)
        return
      }
    }
  }

  #deliver(fetched: Fetched): void {
    const slot = this.#slots.get(fetched.partition)
    if (slot?.phase !== 'live') return
    slot.end = fetched.end
    if (fetched.kind === 'out-of-range') {
      this.#retake(
        slot,
        `offset ${fetched.fetched} is gone: partition ${fetched.partition} now has ${fetched.start} to ${fetched.end}`,
      )
      return
    }
    slot.next = fetched.next
    if (fetched.next === fetched.fetched) this.#tellCaughtUp(slot, fetched)
    else this.#pass(slot, fetched)
  }

  /** One copy, so that the thread gets bytes of its own. */
  #pass(slot: Slot, batch: Batch): void {
    const { partition, incarnation } = slot
    const records = new Uint8Array(batch.records)
    slot.queuedBytes += records.length
    this.#laneOf(partition).post({ kind: 'batch', incarnation, batch: { ...batch, records } })
    if (slot.queuedBytes < queueBytesMax || slot.paused) return
    slot.paused = true
    this.#reader.pause(partition)
  }

  #tellCaughtUp(slot: Slot, { next, end }: Batch): void {
    const now = this.#options.clock.elapsed()
    if (next < end || now - slot.toldCaughtUpAt < caughtUpEveryMs) return
    slot.toldCaughtUpAt = now
    this.#laneOf(slot.partition).post({
      kind: 'caught-up',
      partition: slot.partition,
      incarnation: slot.incarnation,
    })
  }

  #told(message: FromLane): void {
    if (message.kind === 'stopped') return
    if (message.kind === 'figures') {
      for (const figures of message.tasks) {
        const slot = this.#slots.get(figures.partition)
        if (slot) slot.figures = figures
      }
      this.onSamples?.(message.samples)
      return
    }
    const slot = this.#slots.get(message.partition)
    if (!slot) return
    if (message.kind === 'restore') {
      slot.restore = { done: message.done, total: message.total }
      return
    }
    if (slot.incarnation !== message.incarnation) return
    if (message.kind === 'live') this.#live(slot, message.next, message.generation)
    else if (message.kind === 'taken') this.#taken(slot, message.bytes)
    else this.#failed(slot, message.code, message.message)
  }

  #live(slot: Slot, next: NextOffset, generation: number): void {
    this.#generation ??= generation
    slot.phase = 'live'
    slot.next = next
    this.#reader.seek(slot.partition, next)
  }

  #taken(slot: Slot, bytes: number): void {
    slot.queuedBytes -= bytes
    slot.failures = 0
    if (!slot.paused || slot.queuedBytes > queueBytesResume) return
    slot.paused = false
    this.#reader.resume(slot.partition)
  }

  #failed(slot: Slot, code: FailureCode, message: string): void {
    const { logger, onFatal } = this.#options
    this.#reader.drop(slot.partition)
    slot.reason = message
    if (code === 'outdated') onFatal(new Error(message))
    else if (code === 'refused' || code === 'unknown-topic') {
      slot.phase = 'refused'
      logger.error({ partition: slot.partition }, `task refused: ${message}`)
    } else if (code === 'fenced') void this.#fenced(slot)
    else {
      logger.warn({ partition: slot.partition, code }, `task is taken over again: ${message}`)
      this.#retake(slot, message)
    }
  }

  /** Dropped; taken over only if the group, asked anew, still gives it to us: else a zombie and the owner steal from each other. */
  async #fenced(slot: Slot): Promise<void> {
    this.#counts.fencings++
    slot.phase = 'waiting'
    const assigned = await this.#membership.confirm()
    if (this.#slots.get(slot.partition) !== slot) return
    if (assigned.includes(slot.partition)) this.#retake(slot, 'fenced')
  }

  /** Takes it over again, after a wait that grows while no progress is made. */
  #retake(slot: Slot, reason: string): void {
    const { clock, partitions, onFatal } = this.#options
    slot.phase = 'waiting'
    slot.reason = reason
    this.#reader.drop(slot.partition)
    const waitMs = slot.failures === 0 ? 0 : Math.min(50 * 2 ** slot.failures, retryMsMax)
    slot.failures++
    const again = async () => {
      await clock.sleep(waitMs, this.#closing.signal)
      const count = await partitions()
      if (this.#slots.get(slot.partition) === slot) this.#take(slot.partition, count, true)
    }
    again().catch(onFatal)
  }

  /** Its event loop has stood still: something in hand does not come back. */
  #hung(index: number): void {
    this.#options.logger.error(
      { lane: index },
      `lane ${index} has not moved for ${this.#options.hangMsMax / 1000} s: it is ended, and its tasks are taken over by a new one`,
    )
    void this.#lanes[index]?.kill()
  }

  #laneEnded(index: number, error: Error | undefined): void {
    this.#running.delete(index)
    this.#watchdog.forget(index)
    if (this.#closing.signal.aborted) {
      if (this.#running.size === 0) this.#stopped?.()
      return
    }
    const { logger } = this.#options
    const inHand = this.#lanes[index]?.inHand()
    logger.error(
      { lane: index, ...inHand },
      `lane ${index} has died (${error?.message ?? 'it ended'}): its tasks are taken over by a new one`,
    )
    this.#counts.laneRestarts++
    void this.#reopenLane(index, inHand)
  }

  /** A lane that dies as soon as it lives is not opened again at once. */
  async #reopenLane(
    index: number,
    inHand: { partition: number; offset: number } | undefined,
  ): Promise<void> {
    const { clock } = this.#options
    const lived = clock.elapsed() - (this.#openedAt.get(index) ?? 0)
    const slotsOfLane = () =>
      [...this.#slots.values()].filter(({ partition }) => partition % this.#lanes.length === index)
    // One that waits already will be taken over by itself, or is not ours any more.
    const orphans = new Set(slotsOfLane().filter(({ phase }) => phase !== 'waiting'))
    for (const slot of orphans) {
      slot.phase = 'waiting'
      slot.reason = 'its lane died'
      this.#reader.drop(slot.partition)
    }
    await clock.sleep(lived < laneLifeMsMin ? retryMsMax : 0, this.#closing.signal)
    if (this.#closing.signal.aborted) return
    this.#openLane(index)
    for (const slot of slotsOfLane()) {
      // Taken meanwhile: that order went to the dead lane.
      if (!orphans.has(slot) && slot.phase !== 'taking') continue
      if (slot.partition === inHand?.partition) {
        const again = slot.deaths?.offset === inHand.offset
        slot.deaths = { offset: inHand.offset, count: again ? (slot.deaths?.count ?? 0) + 1 : 1 }
      }
      this.#retake(slot, 'its lane died')
    }
  }
}
