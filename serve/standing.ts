import { Problem } from '../http/problem.ts'
import { ageMsOf, type Progress } from './progress.ts'

/** How good an answer from the view is. */
export interface Standing {
  /** `live` while the topic is followed; `stale` before the view has caught up, and when it has lost touch. */
  readonly source: 'live' | 'stale'
  /** How far the answer may be behind the topic, ms; see `ageMsOf`. */
  readonly ageMs: number
}

/** Standing of what came from one partition. */
export function standingOf(
  progress: Progress | undefined,
  caughtUp: boolean,
  staleMs: number,
  now: number,
): Standing {
  const known = progress === undefined ? undefined : ageMsOf(progress, now)
  const ageMs = known ?? now // nothing is known: as old as can be
  return { source: caughtUp && ageMs <= staleMs ? 'live' : 'stale', ageMs }
}

/** Standing of a key that no partition has: that of the worst. `undefined` while one was never read to its end. */
export function standingOfAbsence(
  partitions: readonly Progress[],
  caughtUp: boolean,
  staleMs: number,
  now: number,
): Standing | undefined {
  if (partitions.length === 0 || partitions.some(({ atEnd }) => atEnd === 0)) return undefined
  return partitions
    .map(progress => standingOf(progress, caughtUp, staleMs, now))
    .reduce((worst, each) => (each.ageMs > worst.ageMs ? each : worst))
}

/** Of a question whose answer would be that there is nothing, while nobody can know. */
export function notCaughtUp(): Problem {
  const detail = 'the features are still being read from their topic: ask again in a moment'
  return new Problem(503, 'not_caught_up', detail, { 'retry-after': '1' })
}
