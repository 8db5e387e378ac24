import type { Scope, TriggerRule } from './feature.ts'
import { type FeatureValues, JobError } from './job.ts'
import { checkOptions } from './selection.ts'

/** Who belongs to a segment, by the features. Pure; answers true or false. */
export type Segment = (features: FeatureValues) => boolean

/** Sends a record, once, when a user enters the segment (reason 'entered') and when he leaves it ('left'). */
export function segmentRule(belongs: Segment): TriggerRule {
  return {
    role: 'trigger',
    kind: 'segment',
    options: { belongs },
    compile(scope) {
      if (typeof belongs !== 'function')
        scope.fail('it is no function', 'write loyal: features => features.orders >= 3')
      const member = scope.number('member', 0, Math.max)
      return {
        watch: {
          check(state, features, time, { emit }) {
            const now = answer(scope, belongs, features) ? 1 : 0
            if (state.numbers[member] === now) return
            state.numbers[member] = now
            emit({ name: scope.name, reason: now === 1 ? 'entered' : 'left', time })
          },
        },
      }
    },
  }
}

export interface CrossesOptions {
  /** The name of a feature that is a number. */
  readonly feature: string
  /** Fires when the feature becomes greater than this. Either this or `below`. */
  readonly above?: number
  /** Fires when it becomes smaller than this. */
  readonly below?: number
}

/** Fires when a feature crosses a threshold, and again only after it has been on the other side. */
export function crosses(options: CrossesOptions): TriggerRule {
  return {
    role: 'trigger',
    kind: 'crosses',
    options,
    compile(scope) {
      checkOptions(scope, options, ['feature', 'above', 'below'])
      const { feature, above, below } = options
      if (!scope.before.includes(feature))
        scope.fail(
          `there is no feature ${JSON.stringify(feature)}`,
          `choose among ${scope.before.join(', ')}`,
        )
      const limit = above ?? below
      if ((above === undefined) === (below === undefined) || !Number.isFinite(limit))
        scope.fail('it needs above or below, a number', 'write above: 100')
      const beyond = (value: number) => (above === undefined ? value < limit! : value > limit!)
      const side = scope.number('side', 0, Math.max)
      const reason = above === undefined ? `${feature} below ${limit}` : `${feature} above ${limit}`
      return {
        watch: {
          check(state, features, time, { emit }) {
            const value = features[feature]
            const now = typeof value === 'number' && beyond(value) ? 1 : 0
            if (state.numbers[side] === now) return
            state.numbers[side] = now
            if (now === 1) emit({ name: scope.name, reason, time })
          },
        },
      }
    },
  }
}

function answer(scope: Scope, belongs: Segment, features: FeatureValues): boolean {
  let found: unknown
  try {
    found = belongs(features)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new JobError(
      'segment_threw',
      `segment "${scope.name}": its function threw: ${reason.slice(0, 200)}`,
      error,
    )
  }
  if (typeof found === 'boolean') return found
  throw new JobError(
    'bad_segment',
    `segment "${scope.name}": expected its function to answer true or false; found ${typeof found}`,
  )
}
