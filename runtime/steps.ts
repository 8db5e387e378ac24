import type { CommittedProgress } from './progress.ts'

/** So many records are taken one by one after repeated deaths; then the task works in commits again. */
const stepsMax = 200
/** One death with a record in hand proves little: others may end the process at any time, and again and again. */
const handDeathsMax = 3

/**
 * What a task does after deaths of its process. From the second without progress on it announces each record
 * in a commit of its own, takes it, and commits it, so the culprit is known; when three deaths have come with
 * the same announced record in hand, that record alone is passed over.
 */
export class Steps {
  readonly #killer: number | undefined
  #left: number
  #announced: number | undefined

  constructor({
    tries,
    handDeaths,
    next,
  }: Pick<CommittedProgress, 'tries' | 'handDeaths' | 'next'>) {
    this.#left = tries >= 2 ? stepsMax : 0
    this.#killer = handDeaths >= handDeathsMax ? next : undefined
  }

  get active(): boolean {
    return this.#left > 0
  }

  /** Whether the first record at or after `next` is the one to pass over. */
  kills(next: number): boolean {
    return this.#killer === next
  }

  mustAnnounce(next: number): boolean {
    return this.active && this.#announced !== next && !this.kills(next)
  }

  announce(next: number): void {
    this.#announced = next
  }

  took(): void {
    if (this.#left > 0) this.#left--
  }
}
