import type { Committer } from './committer.ts'
import type { Hand } from './hand.ts'
import type { Idleness } from './idleness.ts'
import type { Intake } from './intake.ts'
import type { Pipeline } from './pipeline.ts'
import type { Steps } from './steps.ts'
import type { TaskOptions } from './task-options.ts'
import type { Timers } from './timers.ts'

export interface IdleTicksParts<State> {
  readonly options: Pick<TaskOptions<State>, 'job' | 'clock'>
  readonly pipeline: Pipeline<State>
  readonly timers: Timers
  readonly intake: Intake
  readonly idleness: Idleness
  readonly committer: Committer<State>
  readonly steps: Steps
}

/** The wall clock, firing the timers of a task whose own time stands still. */
export class IdleTicks<State = unknown> {
  readonly #parts: IdleTicksParts<State>
  #firing = false

  constructor(parts: IdleTicksParts<State>) {
    this.#parts = parts
  }

  /** No event is taken meanwhile. */
  get firing(): boolean {
    return this.#firing
  }

  /** Caught up, nothing under way, and time has stood still. */
  get due(): boolean {
    const { options, intake, committer, idleness } = this.#parts
    const quiet = options.job.idle === 'wall-clock' && intake.empty && committer.quiet
    return quiet && idleness.isIdle(intake.appendedAt)
  }

  /** Fires what is due by the wall clock, in commits of their own; the events' watermark stays where it is. */
  async fire(goesOn: () => boolean): Promise<void> {
    const { options, pipeline, timers, committer, steps } = this.#parts
    const judge = (hand: Hand) => steps.judge(hand, committer.quiet)
    const now = options.clock.now()
    this.#firing = true
    try {
      while (goesOn()) {
        const fired = pipeline.fireDue(now, judge)
        steps.fired()
        if (fired === 'load') await timers.load()
        else if (committer.hasOutputs) await committer.commit({ tick: true })
        else if (typeof fired === 'object') {
          steps.announce(fired.held)
          await committer.commit({ tick: true, hand: fired.held })
        } else return
        if (fired === 'done') return
      }
    } finally {
      this.#firing = false
    }
  }
}
