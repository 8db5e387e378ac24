import type { Clock } from './clock.ts'
import type { LaneHandle } from './lane-thread.ts'

/** Tells when a lane has not moved for too long, each time that it has stood still so long again. */
export class Watchdog {
  readonly #lanes = new Map<
    number,
    { lane: Pick<LaneHandle, 'beats'>; beats: number; since: number }
  >()
  readonly #stop: () => void

  constructor(clock: Clock, hangMsMax: number, onHung: (index: number) => void) {
    this.#stop = clock.every(Math.min(1_000, hangMsMax / 4), () => {
      const now = clock.elapsed()
      for (const [index, watched] of this.#lanes) {
        const beats = watched.lane.beats()
        if (beats !== watched.beats) Object.assign(watched, { beats, since: now })
        // Before its first beat a lane loads its code; that may take a while on a busy machine.
        else if (now - watched.since > (beats === 0 ? 3 * hangMsMax : hangMsMax)) {
          watched.since = now
          onHung(index)
        }
      }
    })
    this.#clock = clock
  }

  readonly #clock: Clock

  watch(index: number, lane: Pick<LaneHandle, 'beats'>): void {
    this.#lanes.set(index, { lane, beats: lane.beats(), since: this.#clock.elapsed() })
  }

  forget(index: number): void {
    this.#lanes.delete(index)
  }

  stop(): void {
    this.#stop()
  }
}
