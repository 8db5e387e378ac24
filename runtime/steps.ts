import type { Hand, Verdict } from './hand.ts'
import type { CommittedProgress } from './progress.ts'
import type { Witness } from './witness.ts'

/** So many records are taken one by one after repeated deaths; then the task works in commits again. */
const stepsMax = 200
/** Of timers more, since thousands may be due at one time. */
const timerStepsMax = 2_000
/** One death with something in hand proves little: others may end the process at any time, and again and again. */
const handDeathsMax = 3

export type Suspicion = Pick<CommittedProgress, 'suspect' | 'handDeaths'>

/**
 * What a task does after deaths of its process. From the second without progress on it announces each record and each
 * timer in a commit of its own, takes it, and commits it, so the culprit is known; when three deaths have come with
 * the same one in hand, that one alone is passed over.
 */
export class Steps {
  readonly #witness: Pick<Witness, 'tell'> | undefined
  readonly #suspect: Hand
  readonly #deaths: number
  #left: number
  #timersLeft: number
  #announced: Hand | undefined
  /** The suspected timer has fired, or was passed over. */
  #settled = false
  /** The witness knows of a timer in hand. */
  #told = false

  constructor(
    { tries, handDeaths, next, suspect }: Suspicion & Pick<CommittedProgress, 'tries' | 'next'>,
    witness?: Pick<Witness, 'tell'>,
  ) {
    this.#witness = witness
    this.#suspect = suspect ?? (handDeaths > 0 ? next : -1)
    this.#deaths = handDeaths
    this.#left = tries >= 2 ? stepsMax : 0
    this.#timersLeft = tries >= 2 || this.#suspect < -1 ? timerStepsMax : 0
  }

  get active(): boolean {
    return this.#left > 0
  }

  /** What is to be committed of it while `next` is the first input offset that is not done. */
  suspicion(next: number): Suspicion {
    const stands = this.#suspect < -1 ? !this.#settled : this.#suspect === next
    return stands ? { suspect: this.#suspect, handDeaths: this.#deaths } : { handDeaths: 0 }
  }

  /** Whether it is the one to pass over: a timer, or the first record at or after that offset. */
  kills(hand: Hand): boolean {
    return this.#deaths >= handDeathsMax && this.#suspect === hand
  }

  mustAnnounce(next: number): boolean {
    return this.active && this.#announced !== next && !this.kills(next)
  }

  announce(hand: Hand): void {
    this.#announced = hand
  }

  /** A record is about to be taken. */
  takes(next: number): void {
    if (this.active) this.#witness?.tell(next)
  }

  took(): void {
    if (!this.active) return
    this.#witness?.tell(-1)
    this.#left--
  }

  /** Whether a timer may fire now. `quiet`: all that was done before is committed. Call `fired` afterwards. */
  judge(hand: Hand, quiet: boolean): Verdict {
    const kills = this.kills(hand)
    const watched = this.#timersLeft > 0
    if (watched && !kills && !(quiet && this.#announced === hand)) return 'hold'
    if (watched) this.#watched(hand)
    if (kills) return 'kills_process'
    this.#announced = undefined
    if (watched) {
      this.#witness?.tell(hand)
      this.#told = true
    }
    return 'fire'
  }

  fired(): void {
    if (this.#told) this.#witness?.tell(-1)
    this.#told = false
  }

  #watched(hand: Hand): void {
    this.#timersLeft--
    // One that has not come up among so many is gone: its user has moved it, or it was a feature's that is gone.
    if (hand === this.#suspect || this.#timersLeft === 0) this.#settled = true
    if (this.#settled && !this.active) this.#timersLeft = 0
  }
}
