import { tellChanges } from './feature-begins.ts'
import { Feed } from './feed.ts'
import { type InHand, Lanes } from './lanes.ts'
import type { Fetched, Membership, Reader } from './log.ts'
import type { FailureCode, FromLane, LaneSamples } from './messages.ts'
import { countDeath, type Slot, takeFigures, takingSlot, whyGone, whyNotLive } from './slot.ts'
import type { SourceFigures, SourceOptions } from './source-options.ts'

const reading = { waitMsMax: 100, partitionBytesMax: 1024 * 1024 }
const retryMsMax = 5_000
/** A failure that nobody foresaw is tried again so often without progress; then the process ends with it. */
const unforeseenMax = 8

/**
 * The main thread of a job's process: the only member of the group. It has the partitions that it is given
 * taken over by its lanes, reads the input for them, hands batches on as bytes, and decides what follows
 * when a task or a lane fails.
 */
export class Source {
  readonly #options: SourceOptions
  readonly #slots = new Map<number, Slot>()
  readonly #lanes: Lanes
  readonly #feed: Feed
  readonly #reader: Reader
  readonly #membership: Membership
  readonly #closing = new AbortController()
  readonly #counts = { fencings: 0, takeovers: 0 }
  /** Slots whose lane has died and not been replaced yet. */
  readonly #orphans = new Set<Slot>()
  #incarnations = 0
  /** The newest assignment; `undefined` before the first. */
  #assignment: readonly number[] | undefined
  #joined = false
  #reading: Promise<void> | undefined
  onSamples: ((samples: LaneSamples) => void) | undefined

  constructor(options: SourceOptions) {
    const { job, input, log, sessionMs, previousMemberId, stored } = options
    const onFatal = (error: Error) => {
      if (!this.#closing.signal.aborted) options.onFatal(error) // else it is of the stopping itself
    }
    this.#options = { ...options, onFatal }
    const onKnownAgain = (partition: number) => {
      const slot = this.#slots.get(partition)
      if (slot?.phase === 'live') this.#retake(slot, 'its topic was unknown for a moment') // a takeover sees whether it is the same
    }
    this.#reader = log.reader({ topic: input, ...reading, onKnownAgain })
    this.#lanes = new Lanes({
      ...options,
      count: options.lanes,
      open: options.openLane,
      onMessage: message => this.#told(message),
      onDied: index => this.#laneDied(index),
      onReopened: (index, inHand) => this.#laneReopened(index, inHand),
    })
    this.#feed = new Feed(this.#lanes, this.#reader, options.clock)
    this.#membership = log.membership({
      group: job,
      topic: input,
      sessionMs,
      previousMemberId,
      owned: () => [...new Set([...this.#slots.keys(), ...stored()])],
      onAssigned: (partitions, memberId) => void this.#assigned(partitions, memberId),
      onFailed: onFatal,
    })
  }

  async start(topics?: Promise<void>): Promise<void> {
    this.#lanes.start()
    await topics // are made and checked while the lanes load their code
    if (!this.#closing.signal.aborted) await this.#membership.join()
    this.#reading = this.#read()
  }

  /** Leaves in order: tasks commit and write their stores, then the group is told. */
  async stop(): Promise<void> {
    this.#closing.abort()
    await this.#reader.close()
    await this.#reading
    await this.#lanes.stop()
    await this.#membership.leave()
  }

  get figures(): SourceFigures {
    return { slots: [...this.#slots.values()], ...this.#counts, laneRestarts: this.#lanes.restarts }
  }

  /** Why it does not do all of its job now; empty when it does. */
  notReady(): string[] {
    if (!this.#joined) return ['waiting for the group to assign partitions']
    return [...this.#slots.values()].flatMap(slot => whyNotLive(slot) ?? [])
  }

  async #assigned(partitions: readonly number[], memberId: string): Promise<void> {
    this.#options.onMember(memberId)
    this.#assignment = partitions
    for (const partition of [...this.#slots.keys()])
      if (!partitions.includes(partition)) this.#giveUp(partition)
    try {
      const count = await this.#options.partitions()
      await this.#options.generation.begin(count)
      if (this.#assignment !== partitions) return // assigned anew meanwhile
      this.#joined = true
      for (const partition of partitions)
        if (!this.#slots.has(partition)) this.#take(partition, count, false)
    } catch (error) {
      this.#options.onFatal(error as Error)
    }
  }

  #take(partition: number, partitions: number, sameOwner: boolean): void {
    if (this.#closing.signal.aborted) return
    const incarnation = ++this.#incarnations
    const slot = takingSlot(partition, incarnation, this.#slots.get(partition))
    this.#slots.set(partition, slot)
    this.#reader.drop(partition)
    this.#counts.takeovers++
    const poison = slot.deaths && slot.deaths.count >= 2 ? slot.deaths.offset : undefined
    this.#lanes.post(partition, {
      kind: 'take',
      partition,
      incarnation,
      order: { partitions, generation: this.#options.generation.held, sameOwner, poison },
    })
  }

  #giveUp(partition: number): void {
    this.#slots.delete(partition)
    this.#reader.drop(partition)
    this.#lanes.post(partition, { kind: 'give-up', partition, clean: true })
  }

  async #read(): Promise<void> {
    try {
      while (!this.#closing.signal.aborted)
        for (const fetched of await this.#reader.poll()) this.#deliver(fetched)
    } catch (error) {
      this.#options.onFatal(error as Error)
    }
  }

  #deliver(fetched: Fetched): void {
    const slot = this.#slots.get(fetched.partition)
    if (slot?.phase !== 'live') return
    slot.end = fetched.end
    if (fetched.kind === 'out-of-range') {
      this.#retake(slot, whyGone(fetched))
      return
    }
    slot.next = fetched.next
    if (fetched.next === fetched.fetched) this.#feed.caughtUp(slot, fetched)
    else this.#feed.pass(slot, fetched)
  }

  #told(message: FromLane): void {
    if (message.kind === 'stopped') return
    if (message.kind === 'figures') {
      for (const figures of message.tasks) {
        const slot = this.#slots.get(figures.partition)
        if (slot) takeFigures(slot, figures, this.#options.logger)
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
    if (message.kind === 'live') this.#live(slot, message)
    else if (message.kind === 'taken') this.#feed.taken(slot, message.bytes)
    else this.#failed(slot, message.code, message.message)
  }

  #live(slot: Slot, { next, generation, changes }: FromLane & { kind: 'live' }): void {
    const { logger, generation: newest } = this.#options
    newest.hold(generation)
    tellChanges(changes, next, logger)
    slot.phase = 'live'
    slot.next = next
    this.#reader.seek(slot.partition, next)
  }

  #failed(slot: Slot, code: FailureCode, message: string): void {
    const { logger, onFatal } = this.#options
    this.#reader.drop(slot.partition)
    slot.reason = message
    if (code === 'outdated' || (code === 'other' && slot.failures >= unforeseenMax))
      onFatal(new Error(message))
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

  #laneDied(index: number): void {
    for (const slot of this.#slots.values()) {
      // One that waits already will be taken over by itself, or is not ours any more.
      if (this.#lanes.indexOf(slot.partition) !== index || slot.phase === 'waiting') continue
      slot.phase = 'waiting'
      slot.reason = 'its lane died'
      this.#reader.drop(slot.partition)
      this.#orphans.add(slot)
    }
  }

  #laneReopened(index: number, inHand: InHand | undefined): void {
    for (const slot of this.#slots.values()) {
      if (this.#lanes.indexOf(slot.partition) !== index) continue
      const orphan = this.#orphans.delete(slot)
      // Taken meanwhile: that order went to the dead lane.
      if (!orphan && slot.phase !== 'taking') continue
      if (slot.partition === inHand?.partition) countDeath(slot, inHand.offset)
      this.#retake(slot, 'its lane died')
    }
    for (const slot of this.#orphans)
      if (this.#slots.get(slot.partition) !== slot) this.#orphans.delete(slot)
  }
}
