import type { Logger } from 'pino'
import type { Clock } from './clock.ts'
import type { LaneEvents, LaneHandle } from './lane-thread.ts'
import type { FromLane, ToLane } from './messages.ts'
import { Watchdog } from './watchdog.ts'

export interface LanesOptions {
  readonly count: number
  readonly clock: Clock
  readonly logger: Pick<Logger, 'error'>
  /** A lane that does not beat for so long is ended. */
  readonly hangMsMax: number
  readonly open: (index: number, events: LaneEvents) => LaneHandle
  readonly onMessage: (message: FromLane) => void
  /** A lane has died; what it is told from now on is lost until `onReopened`. */
  readonly onDied: (index: number) => void
  /** A new one stands in its place. `inHand`: what the dead one had in hand. */
  readonly onReopened: (index: number, inHand: InHand | undefined) => void
}

export interface InHand {
  readonly partition: number
  readonly offset: number
}

/** A lane that dies sooner than this is opened again only after a wait. */
const lifeMsMin = 2_000
const reopenMs = 5_000
const stopMsMax = 20_000

/** The lanes of a process: which partition is on which, and new ones in the place of those that die or hang. */
export class Lanes {
  readonly #options: LanesOptions
  readonly #handles: LaneHandle[] = []
  readonly #openedAt: number[] = []
  readonly #running = new Set<number>()
  readonly #watchdog: Watchdog
  readonly #closing = new AbortController()
  #allEnded: (() => void) | undefined
  #restarts = 0

  constructor(options: LanesOptions) {
    this.#options = options
    this.#watchdog = new Watchdog(options.clock, options.hangMsMax, index => this.#hung(index))
  }

  get restarts(): number {
    return this.#restarts
  }

  start(): void {
    for (let index = 0; index < this.#options.count; index++) this.#open(index)
  }

  /** Tells each to stop in order, and waits; one that does not answer within twenty seconds is ended. */
  async stop(): Promise<void> {
    this.#closing.abort()
    this.#watchdog.stop()
    if (this.#running.size === 0) return
    const ended = new Promise<void>(resolve => {
      this.#allEnded = resolve
    })
    for (const index of this.#running) this.#handles[index]?.post({ kind: 'stop' })
    const inTime = new AbortController() // else the wait alone would keep the process alive
    const late = this.#options.clock.sleep(stopMsMax, inTime.signal).then(async () => {
      for (const index of this.#running) await this.#handles[index]?.kill()
    })
    await Promise.race([ended, late])
    inTime.abort()
  }

  /** The lane that a partition is on, always the same. */
  indexOf(partition: number): number {
    return partition % this.#options.count
  }

  post(partition: number, message: ToLane): void {
    this.#handles[this.indexOf(partition)]?.post(message)
  }

  #open(index: number): void {
    this.#openedAt[index] = this.#options.clock.elapsed()
    const lane = this.#options.open(index, {
      onMessage: this.#options.onMessage,
      onEnded: error => this.#ended(index, error),
    })
    this.#handles[index] = lane
    this.#running.add(index)
    this.#watchdog.watch(index, lane)
  }

  /** Its event loop has stood still: what it has in hand does not come back. */
  #hung(index: number): void {
    const { logger, hangMsMax } = this.#options
    logger.error(
      { lane: index },
      `lane ${index} has not moved for ${hangMsMax / 1000} s: it is ended, and its tasks are taken over by a new one`,
    )
    void this.#handles[index]?.kill()
  }

  #ended(index: number, error: Error | undefined): void {
    this.#running.delete(index)
    this.#watchdog.forget(index)
    if (this.#closing.signal.aborted) {
      if (this.#running.size === 0) this.#allEnded?.()
      return
    }
    const inHand = this.#handles[index]?.inHand()
    this.#options.logger.error(
      { lane: index, ...inHand },
      `lane ${index} has died (${error?.message ?? 'it ended'}): its tasks are taken over by a new one`,
    )
    this.#restarts++
    void this.#reopen(index, inHand)
  }

  /** A lane that dies as soon as it lives is not opened again at once. */
  async #reopen(index: number, inHand: InHand | undefined): Promise<void> {
    const { clock, onDied, onReopened } = this.#options
    onDied(index)
    const lived = clock.elapsed() - (this.#openedAt[index] ?? 0)
    await clock.sleep(lived < lifeMsMin ? reopenMs : 0, this.#closing.signal)
    if (this.#closing.signal.aborted) return
    this.#open(index)
    onReopened(index, inHand)
  }
}
