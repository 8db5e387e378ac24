import type { Scope, Show, Watch } from './feature.ts'
import { JobError } from './job.ts'

/**
 * What an author's function makes for the row. A row must come out in any case, so what the function
 * throws becomes null there; the watch, which runs after each step, throws it, so that the step is undone and
 * its event goes to `<job>.dead`. `undefined` leaves it out; a number that is none becomes null.
 */
export function shown(scope: Scope, make: Show): { show: Show; watch: Watch } {
  let failure: JobError | undefined // of the evaluation just done
  return {
    show(state, before) {
      failure = undefined
      try {
        const value = make(state, before)
        return typeof value === 'number' && !Number.isFinite(value) ? null : value
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        failure = new JobError(
          'value_threw',
          `feature "${scope.name}": its value function threw: ${reason.slice(0, 200)}`,
          error,
        )
        return null
      }
    },
    watch: {
      check() {
        if (failure !== undefined) throw failure
      },
    },
  }
}
