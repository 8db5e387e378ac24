/**
 * Where records go.
 *
 *     live ──a send fails or is late──▶ spooling ──nearly drained──▶ returning ──drained──▶ live
 *                                          ▲─────a send fails or is late──────┘
 *
 * - `live`: to the brokers. The spool is empty.
 * - `spooling`: to the spool, all of them, so that none overtakes an older one; what is spooled is drained meanwhile.
 * - `returning`: they wait in memory for the moment that the last of the spool takes.
 */
export type SinkMode = 'live' | 'spooling' | 'returning'

/** The mode, and who waits for it to change. */
export class ModeSwitch {
  #mode: SinkMode = 'spooling'
  #waiting: (() => void)[] = []

  get mode(): SinkMode {
    return this.#mode
  }

  set(mode: SinkMode): void {
    if (mode === this.#mode) return
    this.#mode = mode
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves when it is another mode. */
  async not(mode: SinkMode): Promise<void> {
    while (this.#mode === mode) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }
}
