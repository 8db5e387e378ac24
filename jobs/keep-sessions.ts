import type { Aggregate } from './aggregate.ts'
import type { Scope } from './feature.ts'
import type { Keeper } from './keeper.ts'
import type { JobState, Plain } from './layout.ts'

/** More than the gap leaves room for within the lateness, unless that is years. The oldest go first. */
const sessionsMax = 200

/**
 * Sessions, sorted by time, that a late event may still join:
 *
 *     [start, end, part, start, end, part, …]
 *
 * `start` and `end` are the times of a session's first and last event, epoch ms. Two sessions lie at least
 * the gap apart. A session is forgotten when no event that is not late can reach it any more.
 */
export function keepSessions<Part extends Plain, Value>(
  scope: Scope,
  gapMs: number,
  { create, add, merge }: Aggregate<Part, Value>,
): Keeper<Part, Value> {
  const at = scope.cell('sessions', { create: () => [], merge: mergeCells })
  const cellOf = (state: JobState) => state.cells[at] as Plain[]

  scope.clock({
    next(state) {
      const cell = cellOf(state)
      const closes = (cell[cell.length - 2] as number) + gapMs
      return cell.length > 0 && closes > state.now ? closes : Number.POSITIVE_INFINITY
    },
    advance(state) {
      const cell = cellOf(state)
      const reach = state.now - scope.latestMs - gapMs
      let gone = 0
      while (gone < cell.length && (cell[gone + 1] as number) < reach) gone += 3
      if (gone > 0) cell.splice(0, gone)
    },
  })

  /**
   * Opens a session, or widens the one that the span touches, or the two; answers where its part stands, if it is
   * not the first of too many.
   */
  function sessionAt(cell: Plain[], start: number, end: number): number | undefined {
    let after = cell.length
    while (after > 0 && (cell[after - 3] as number) - gapMs >= end) after -= 3
    let from = after
    while (from > 0 && (cell[from - 2] as number) + gapMs > start) from -= 3
    if (from === after) {
      cell.splice(from, 0, start, end, create())
      if (cell.length <= 3 * sessionsMax) return from + 2
      cell.splice(0, 3)
      return from === 0 ? undefined : from - 1
    }
    let part = cell[from + 2] as Part
    for (let next = from + 3; next < after; next += 3) part = merge(part, cell[next + 2] as Part)
    const first = Math.min(start, cell[from] as number)
    const last = Math.max(end, cell[after - 2] as number)
    cell.splice(from, after - from, first, last, part)
    return from + 2
  }

  function mergeCells(into: Plain[], from: Plain[]): Plain[] {
    for (let other = 0; other < from.length; other += 3) {
      const place = sessionAt(into, from[other] as number, from[other + 1] as number)
      if (place !== undefined) into[place] = merge(from[other + 2] as Part, into[place] as Part)
    }
    return into
  }

  return {
    add(state, value, event) {
      const cell = cellOf(state)
      const place = sessionAt(cell, event.timestamp, event.timestamp)
      if (place !== undefined) cell[place] = add(cell[place] as Part, value, event)
    },
    total(state) {
      const cell = cellOf(state)
      const open = cell.length > 0 && (cell[cell.length - 2] as number) + gapMs > state.now
      return open ? (cell[cell.length - 1] as Part) : create()
    },
  }
}
