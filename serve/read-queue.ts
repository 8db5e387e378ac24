import { Problem } from '../http/problem.ts'

/** Reads under way at once; a store that hangs keeps that many of libuv's threads, and leaves the others. */
const READS_MAX = 2
/** Of one read. */
const KEYS_MAX = 256
/** Beyond it nobody waits: so many take a tenth of a second where the store answers, and for ever where it hangs. */
const WAITING_MAX = 8_192

/** So many rows are waited for that another is not; whoever must answer does with what he has. */
export class QueueFull extends Problem {
  constructor() {
    const detail =
      'the store of rows does not keep up with what is asked of it: ask again in a moment'
    super(503, 'busy', detail, { 'retry-after': '1' })
  }
}

interface Waiting {
  readonly key: string
  readonly resolve: (row: Buffer | undefined) => void
  readonly reject: (error: unknown) => void
}

/**
 * Reads that are asked for one by one and done many at once: those of one turn of the event loop, and those that come
 * while two reads are under way, are one read. To hand a read to another thread and to take its answer costs ten times
 * the processor time of the read itself (45 µs against 4 for a row of 800 bytes).
 */
export class ReadQueue {
  readonly #read: (keys: readonly string[]) => Promise<readonly (Buffer | undefined)[]>
  #waiting: Waiting[] = []
  #underWay = 0
  #planned = false

  constructor(read: (keys: readonly string[]) => Promise<readonly (Buffer | undefined)[]>) {
    this.#read = read
  }

  /** Rejects with `QueueFull` where too much is waited for already. */
  get(key: string): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= WAITING_MAX) return reject(new QueueFull())
      this.#waiting.push({ key, resolve, reject })
      if (this.#planned || this.#underWay === READS_MAX) return
      this.#planned = true
      setImmediate(() => this.#begin()) // after the other requests of this turn were read
    })
  }

  /** In the keys' order. */
  getMany(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    return Promise.all(keys.map(key => this.get(key)))
  }

  #begin(): void {
    this.#planned = false
    while (this.#waiting.length > 0 && this.#underWay < READS_MAX)
      this.#take(this.#waiting.splice(0, KEYS_MAX))
  }

  async #take(waiting: readonly Waiting[]): Promise<void> {
    this.#underWay++
    await this.#answer(waiting)
    this.#underWay--
    this.#begin()
  }

  /** One row that cannot be read fails nobody but who asked for it. */
  async #answer(waiting: readonly Waiting[]): Promise<void> {
    try {
      const rows = await this.#read(waiting.map(({ key }) => key))
      for (const [at, { resolve }] of waiting.entries()) resolve(rows[at])
    } catch (error) {
      if (waiting.length === 1) waiting[0]?.reject(error)
      else for (const one of waiting) await this.#answer([one])
    }
  }
}
