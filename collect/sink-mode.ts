/**
 * Where records go.
 *
 *     live ──a send fails or is late──▶ spooling ──nearly drained──▶ returning ──drained──▶ live
 *                                          ▲─────a send fails or is late──────┘
 *
 * - `live`: to the brokers. The spool is empty, or has no more than is on its way to them.
 * - `spooling`: to the spool, all of them, so that none overtakes an older one; what is spooled is drained meanwhile.
 * - `returning`: they wait in memory for the moment that the last of the spool takes.
 */
export type SinkMode = 'live' | 'spooling' | 'returning'

/** The mode, and who waits for it to change. */
export class ModeSwitch {
  #mode: SinkMode = 'spooling'
  #waiting: (() => void)[] = []
  /** Told of each change, before anybody who waits. */
  onChange: (mode: SinkMode) => void = () => undefined

  get mode(): SinkMode {
    return this.#mode
  }

  set(mode: SinkMode): void {
    if (mode === this.#mode) return
    this.#mode = mode
    this.onChange(mode)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves when it is another mode. */
  async not(mode: SinkMode): Promise<void> {
    while (this.#mode === mode) await this.changed()
  }

  /** Resolves at the next change. */
  changed(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }
}
