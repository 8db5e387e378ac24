import type { Clock } from './clock.ts'
import type { Lanes } from './lanes.ts'
import type { Batch, Reader } from './log.ts'
import type { Slot } from './slot.ts'

/** Bytes of one partition on their way through a lane: above the first it is paused, below the second resumed. */
export const queueBytesMax = 2 * 1024 * 1024
const queueBytesResume = 1024 * 1024
const caughtUpEveryMs = 500

/** From the reader to the lanes; a partition whose lane has enough to do is paused, and nothing is dropped. */
export class Feed {
  readonly #lanes: Lanes
  readonly #reader: Reader
  readonly #clock: Clock

  constructor(lanes: Lanes, reader: Reader, clock: Clock) {
    this.#lanes = lanes
    this.#reader = reader
    this.#clock = clock
  }

  /** One copy, so that the thread gets bytes of its own. */
  pass(slot: Slot, batch: Batch): void {
    const { partition, incarnation } = slot
    const records = new Uint8Array(batch.records)
    slot.queuedBytes += records.length
    this.#lanes.post(partition, { kind: 'batch', incarnation, batch: { ...batch, records } })
    if (slot.queuedBytes < queueBytesMax || slot.paused) return
    slot.paused = true
    this.#reader.pause(partition)
  }

  /** The lane is done with so many bytes. */
  taken(slot: Slot, bytes: number): void {
    slot.queuedBytes -= bytes
    slot.failures = 0
    if (!slot.paused || slot.queuedBytes > queueBytesResume) return
    slot.paused = false
    this.#reader.resume(slot.partition)
  }

  /** Nothing came; tells the task now and then that it is at the end. */
  caughtUp(slot: Slot, { next, end }: Batch): void {
    const { partition, incarnation } = slot
    const now = this.#clock.elapsed()
    if (next < end || now - slot.toldCaughtUpAt < caughtUpEveryMs) return
    slot.toldCaughtUpAt = now
    this.#lanes.post(partition, { kind: 'caught-up', partition, incarnation })
  }
}
