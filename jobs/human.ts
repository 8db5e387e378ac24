import type { Event } from './event.ts'
import type { Scope } from './feature.ts'

/** Who opened or clicked. */
export interface HumanOptions {
  /**
   * Where the event says whether a human did it, a text, of which only 'human' counts (the others are 'proxy',
   * 'prefetch' and 'scanner'); 'context.classification.verdict' when left out, as collect writes it. `false`:
   * every event counts.
   */
  readonly verdict?: string | false
}

/** Answers whether a human did it. An event that does not say counts as a machine's. */
export function humanReader(scope: Scope, { verdict }: HumanOptions): (event: Event) => boolean {
  if (verdict === false) return () => true
  const path = verdict ?? 'context.classification.verdict'
  const [root, ...names] = typeof path === 'string' ? path.split('.') : []
  if ((root !== 'context' && root !== 'properties') || names.length === 0 || names.includes(''))
    return scope.fail(
      `verdict is ${JSON.stringify(verdict)}`,
      "write a path in the event, or false: verdict: 'context.classification.verdict'",
    )
  return event => {
    let found: unknown = event[root]
    for (const name of names) {
      if (typeof found !== 'object' || found === null) return false
      found = (found as Record<string, unknown>)[name]
    }
    return found === 'human'
  }
}
