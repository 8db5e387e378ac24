import type { JobState, Plain } from './layout.ts'

/** Does it whole, or leaves the state as it was. */
export function undoable(state: JobState, change: () => void): void {
  const before = copyState(state)
  try {
    change()
  } catch (error) {
    restoreState(state, before)
    throw error
  }
}

/** A copy that shares nothing that changes. */
function copyState({ now, numbers, tables, lists, cells }: JobState): JobState {
  return {
    now,
    numbers: numbers.slice(),
    tables: tables.map(tiles => tiles.slice()),
    lists: lists.map(list => list.slice()),
    cells: cells.map(copyPlain),
  }
}

/** Puts back what a copy has kept; that one is of no use afterwards. */
export function restoreState(state: JobState, copy: JobState): void {
  state.now = copy.now
  for (const part of ['numbers', 'tables', 'lists', 'cells'] as const) {
    const kept: unknown[] = copy[part]
    state[part].splice(0, state[part].length, ...(kept as never[]))
  }
}

function copyPlain(values: readonly Plain[]): Plain[] {
  return values.map(value => {
    if (Array.isArray(value)) return copyPlain(value)
    // What `process` keeps may be any object.
    return typeof value === 'object' && value !== null ? structuredClone(value) : value
  })
}
