import type { Aggregate } from './aggregate.ts'
import type { Event } from './event.ts'
import type { Scope } from './feature.ts'
import { keepDays } from './keep-days.ts'
import { keepSessions } from './keep-sessions.ts'
import { keepTiles } from './keep-tiles.ts'
import type { JobState, Plain } from './layout.ts'
import type { WindowSpan } from './window.ts'

/** Where the parts of an aggregate lie in the state, for one kind of window. */
export interface Keeper<Part, Value> {
  add(state: JobState, value: Value, event: Event): void
  /** What the window holds. Its caller must not change it. */
  total(state: JobState): Part
}

/** `undefined`: all time. */
export function keeperOf<Part extends Plain, Value>(
  scope: Scope,
  span: WindowSpan | undefined,
  aggregate: Aggregate<Part, Value>,
): Keeper<Part, Value> {
  switch (span?.kind) {
    case 'tiles':
      return keepTiles(scope, span, aggregate)
    case 'sessions':
      return keepSessions(scope, span.gapMs, aggregate)
    case 'days':
      return keepDays(scope, span.zone, aggregate)
    case undefined:
      return keepAll(scope, aggregate)
  }
}

/** A cell of one part. */
function keepAll<Part extends Plain, Value>(
  scope: Scope,
  { create, add, merge }: Aggregate<Part, Value>,
): Keeper<Part, Value> {
  const at = scope.cell('all', {
    create: () => [create()],
    // Who the user was before he was known came first.
    merge: (into, from) => [merge(from[0] as Part, into[0] as Part)],
  })
  return {
    add(state, value, event) {
      const cell = state.cells[at] as [Part]
      cell[0] = add(cell[0], value, event)
    },
    total: state => (state.cells[at] as [Part])[0],
  }
}
