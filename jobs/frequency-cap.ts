import { durationForm, parseDuration } from './duration.ts'
import type { Feature } from './feature.ts'
import type { JobState } from './layout.ts'
import { checkOptions, eventNames, isWhole, predicate, type Selection } from './selection.ts'

export interface FrequencyCapOptions extends Selection {
  /** What is counted; 'Email Delivered' when left out. */
  readonly of?: string | readonly string[]
  /** How many are allowed within `over`, 1 to 100. */
  readonly max: number
  /** Such as '7d'. */
  readonly over: string
}

/**
 * Whether the user may be sent one more:
 *
 *     { count, allowed, allowedAt }
 *
 * `count` is how many there were in the last `over`, to the millisecond; it stops at twice `max`. `allowedAt` is
 * when there will be fewer than `max`, epoch ms; null while it is allowed. In whatever order they come. The row is
 * published again whenever one leaves the window. At most 18 bytes for each of `max`.
 */
export function frequencyCap(options: FrequencyCapOptions): Feature {
  return {
    role: 'feature',
    kind: 'frequencyCap',
    options,
    compile(scope) {
      checkOptions(scope, options, ['of', 'where', 'max', 'over', 'purpose'])
      const { max } = options
      if (!isWhole(max, 1, 100)) scope.fail(`max is ${max}`, 'write 1 to 100: max: 3')
      const overMs = parseDuration(options.over)
      if (overMs === undefined || overMs === 0)
        return scope.fail(`over is ${JSON.stringify(options.over)}`, `write ${durationForm}`)
      const wanted = predicate(scope, options.where)

      /** Sorted; the oldest first. */
      function put(times: number[], time: number): void {
        let place = times.length
        while (place > 0 && (times[place - 1] as number) > time) place--
        times.splice(place, 0, time)
        if (times.length > 2 * max) times.shift()
      }
      const at = scope.cell('times', {
        create: () => [],
        merge(into, from) {
          for (const time of from) put(into as number[], time as number)
          return into
        },
      })
      const of = (state: JobState) => state.cells[at] as number[]
      scope.clock({
        next(state) {
          const [oldest] = of(state)
          return oldest === undefined ? Number.POSITIVE_INFINITY : oldest + overMs
        },
        advance(state) {
          const times = of(state)
          let gone = 0
          while (gone < times.length && (times[gone] as number) + overMs <= state.now) gone++
          if (gone > 0) times.splice(0, gone)
        },
      })
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of ?? 'Email Delivered'),
            takesLate: false,
            step: {
              read: event => (wanted(event) ? event.timestamp : undefined),
              update(state, time) {
                if ((time as number) + overMs > state.now) put(of(state), time as number)
              },
            },
          },
        ],
        show(state) {
          const times = of(state)
          const blocking = times[times.length - max]
          const allowedAt = blocking === undefined ? null : blocking + overMs
          return { count: times.length, allowed: allowedAt === null, allowedAt }
        },
      }
    },
  }
}
