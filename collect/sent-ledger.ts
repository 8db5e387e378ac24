import type { SpoolPart } from './spool-position.ts'

interface Entry {
  /** How many records were spooled up to its last one. */
  readonly last: number
  /** `undefined` where the disk did not take them. */
  readonly part: SpoolPart | undefined
  readonly waiting: Waiting | undefined
}

/** Who waits for records that are not in the spool. */
export interface Waiting {
  safe(): void
  refused(): void
}

/**
 * Which parts of the spool the brokers have had from memory, where the same records go both ways in the same order. Of
 * one time in which they do: begins with nothing.
 */
export class SentLedger {
  #spooled = 0
  #acknowledged = 0
  #entries: Entry[] = []

  /** The next records are in the spool. Answers what of it the brokers have. */
  spooled(records: number, part: SpoolPart): SpoolPart | undefined {
    return this.#add(records, part, undefined)
  }

  /** The disk did not take the next records: `waiting` is told when the brokers have. */
  unspooled(records: number, waiting: Waiting): SpoolPart | undefined {
    return this.#add(records, undefined, waiting)
  }

  /** The brokers have the next records. Answers what of the spool is done by that. */
  acknowledged(records: number): SpoolPart | undefined {
    this.#acknowledged += records
    return this.#take()
  }

  /** The brokers have had all from memory that they get. */
  end(): void {
    for (const { waiting } of this.#entries) waiting?.refused()
    this.#entries = this.#entries.filter(({ part }) => part !== undefined)
  }

  #add(records: number, part: SpoolPart | undefined, waiting: Waiting | undefined) {
    this.#spooled += records
    this.#entries.push({ last: this.#spooled, part, waiting })
    return this.#take()
  }

  /** The whole parts that were acknowledged, as one. */
  #take(): SpoolPart | undefined {
    let taken: SpoolPart | undefined
    for (let entry = this.#entries[0]; entry !== undefined; entry = this.#entries[0]) {
      if (entry.last > this.#acknowledged) break
      this.#entries.shift()
      entry.waiting?.safe()
      if (entry.part !== undefined)
        taken = { ...entry.part, records: entry.part.records + (taken?.records ?? 0) }
    }
    return taken
  }
}
