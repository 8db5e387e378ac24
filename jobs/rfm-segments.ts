import type { FeatureValues } from './job.ts'
import type { Segment } from './watches.ts'

/** Scores from 1 to 5. */
export interface Scores {
  readonly r: number
  readonly f: number
}

/** Of users who ordered; each is in one. */
export const rfmSegmentNames = ['new', 'active', 'loyal', 'atRisk', 'lapsed'] as const
export type RfmSegment = (typeof rfmSegmentNames)[number]

/**
 *     r    f = 1                         f = 2     f ≥ 3
 *     4–5  new                           active    loyal
 *     3    active                        active    loyal
 *     2    atRisk                        atRisk    atRisk
 *     1    lapsed                        lapsed    lapsed
 */
export function rfmSegmentOf({ r, f }: Scores): RfmSegment {
  if (r === 1) return 'lapsed'
  if (r === 2) return 'atRisk'
  if (f >= 3) return 'loyal'
  return f === 1 && r >= 4 ? 'new' : 'active'
}

export type RfmSegments = Readonly<Record<RfmSegment, Segment>>

/**
 * The five segments of an `rfm` feature as predicates: `segments: { ...rfmSegments('rfm') }`, or one of them,
 * `segments: { vip: rfmSegments('rfm').loyal }`.
 */
export function rfmSegments(feature: string): RfmSegments {
  const one = (name: RfmSegment): Segment => {
    const belongs = (features: FeatureValues): boolean => features[feature]?.segment === name
    // A job knows its functions by their text, and that of a closure does not say what it closes over.
    return Object.assign(belongs, {
      toString: () => `rfmSegments(${JSON.stringify(feature)}).${name}`,
    })
  }
  return {
    ...{ new: one('new'), active: one('active'), loyal: one('loyal') },
    ...{ atRisk: one('atRisk'), lapsed: one('lapsed') },
  }
}
