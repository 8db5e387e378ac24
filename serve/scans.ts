import { QueueFull } from './read-queue.ts'

const SCANS_MAX = 64

/** Reads of ranges, one after the other: one that hangs keeps one of libuv's threads, and leaves the others. */
export class Scans {
  #count = 0
  #last: Promise<unknown> = Promise.resolve()

  /** Rejects with `QueueFull` where too many wait. */
  async inTurn<Found>(scan: () => Promise<Found>): Promise<Found> {
    if (this.#count >= SCANS_MAX) throw new QueueFull()
    this.#count++
    const found = this.#last.then(scan)
    this.#last = found.catch(() => undefined)
    try {
      return await found
    } finally {
      this.#count--
    }
  }
}
