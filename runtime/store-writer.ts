import type { Clock } from './clock.ts'
import type { States } from './states.ts'

/** Writes committed states to the store, one write after the other: a store is written by one hand. */
export class StoreWriter {
  readonly #states: Pick<States, 'checkpoint'>
  readonly #clock: Clock
  readonly #onWritten: (ms: number) => void
  #turn: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(states: Pick<States, 'checkpoint'>, clock: Clock, onWritten: (ms: number) => void) {
    this.#states = states
    this.#clock = clock
    this.#onWritten = onWritten
  }

  /** All that is committed, in slices; after `stop` no slice is begun. */
  write(): Promise<void> {
    return this.#write(() => !this.#stopped)
  }

  /** All that is committed, also after `stop`. */
  writeAll(): Promise<void> {
    return this.#write(() => true)
  }

  stop(): void {
    this.#stopped = true
  }

  /** Waits for the write under way, however it ends. */
  async settled(): Promise<void> {
    await this.#turn.catch(() => undefined) // whoever wrote was told
  }

  #write(goesOn: () => boolean): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const startedAt = this.#clock.elapsed()
      let wrote = false
      while (goesOn() && (await this.#states.checkpoint())) wrote = true
      if (wrote) this.#onWritten(this.#clock.elapsed() - startedAt)
    })
    return this.#turn
  }
}
