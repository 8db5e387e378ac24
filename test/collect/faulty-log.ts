import { type Log, LogError, type Producer } from '../../runtime/log.ts'

/**
 * What becomes of a send: `pass`; `hold`: it waits until another is set, and passes then, as with brokers that are
 * away; `fail`: it is refused and nothing is written; `lose-answer`: it is written, and its sender is told that
 * nobody knows.
 */
export type Fate = 'pass' | 'hold' | 'fail' | 'lose-answer'

/** A real log whose producers meet with faults. */
export class FaultyLog {
  readonly topics: Log['topics']
  /** Most records of one partition that a send may have; more is too large for this broker. */
  recordsMax = Number.POSITIVE_INFINITY
  /** Each so many'th send fails, nothing of it being written. */
  failEvery = Number.POSITIVE_INFINITY
  #sends = 0
  readonly #log: Pick<Log, 'topics' | 'producer'>
  #fate: Fate = 'pass'
  #changed: (() => void)[] = []

  constructor(log: Pick<Log, 'topics' | 'producer'>) {
    this.#log = log
    this.topics = log.topics
  }

  set fate(fate: Fate) {
    this.#fate = fate
    for (const changed of this.#changed.splice(0)) changed()
  }

  producer(): Producer {
    const real = this.#log.producer()
    let last: Promise<unknown> = Promise.resolve()
    let closed = false
    const send: Producer['send'] = async appends => {
      while (this.#fate === 'hold' && !closed)
        await new Promise<void>(resolve => this.#changed.push(resolve))
      if (closed) throw new LogError('unreachable', 'closed while it waited')
      if (appends.some(({ records }) => records.length > this.recordsMax))
        throw new LogError('refused', 'produce: MESSAGE_TOO_LARGE')
      this.#sends++
      const fate = this.#sends % this.failEvery === 0 ? 'fail' : this.#fate
      if (fate === 'fail') throw new LogError('ambiguous', 'this send failed')
      const offsets = await real.send(appends)
      if (fate === 'lose-answer') throw new LogError('ambiguous', 'its answer was lost')
      return offsets
    }
    return {
      send(appends) {
        const sent = last.then(() => send(appends))
        last = sent.catch(() => undefined) // its own caller is told
        return sent
      },
      close: async () => {
        closed = true
        for (const changed of this.#changed.splice(0)) changed()
        await real.close()
      },
    }
  }
}
