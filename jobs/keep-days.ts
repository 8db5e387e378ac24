import type { Aggregate } from './aggregate.ts'
import type { Scope } from './feature.ts'
import type { Keeper } from './keeper.ts'
import type { JobState, Plain } from './layout.ts'

/** Today, and what may become today again when the user flies west. */
const daysKept = 3

/**
 * Parts by day of the user's calendar, sorted:
 *
 *     [day, part, day, part, …]
 *
 * A day is a number of days since 1970 as the user's clock shows it. An event falls on the day that its
 * own zone gave it, or, when it names none, that of the user's zone.
 */
export function keepDays<Part extends Plain, Value>(
  scope: Scope,
  zonePath: string,
  { create, add, merge }: Aggregate<Part, Value>,
): Keeper<Part, Value> {
  const { zones, of, user } = scope.zone(zonePath)
  const at = scope.cell('days', { create: () => [], merge: mergeCells })
  const cellOf = (state: JobState) => state.cells[at] as Plain[]
  const today = (state: JobState) => zones.day(state.now, user(state))

  scope.clock({
    next(state) {
      if (cellOf(state).length === 0) return Number.POSITIVE_INFINITY
      return zones.startOfDay(today(state) + 1, user(state), state.now)
    },
    advance(state) {
      const cell = cellOf(state)
      if (cell.length === 0) return
      const first = today(state) - daysKept + 1
      let gone = 0
      while (gone < cell.length && (cell[gone] as number) < first) gone += 2
      if (gone > 0) cell.splice(0, gone)
    },
  })

  function addTo(cell: Plain[], day: number, change: (part: Part) => Part): void {
    let position = cell.length
    while (position > 0 && (cell[position - 2] as number) >= day) position -= 2
    if (cell[position] !== day) cell.splice(position, 0, day, create())
    cell[position + 1] = change(cell[position + 1] as Part)
  }

  function mergeCells(into: Plain[], from: Plain[]): Plain[] {
    for (let other = 0; other < from.length; other += 2)
      addTo(into, from[other] as number, part => merge(from[other + 1] as Part, part))
    return into
  }

  return {
    add(state, value, event) {
      const day = zones.day(event.timestamp, of(event) ?? user(state))
      if (day <= today(state) - daysKept) return
      addTo(cellOf(state), day, part => add(part, value, event))
    },
    total(state) {
      const cell = cellOf(state)
      const day = cell.length === 0 ? 0 : today(state)
      for (let position = 0; position < cell.length; position += 2)
        if (cell[position] === day) return cell[position + 1] as Part
      return create()
    },
  }
}
