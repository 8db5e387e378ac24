import type { Tiles } from '../state/tiles.ts'
import { addToTile, sumTiles } from '../state/tiles.ts'
import { durationForm, parseDuration } from './duration.ts'
import type { Event } from './event.ts'
import type { Scope } from './feature.ts'
import { firstTile, type JobState } from './layout.ts'

/**
 * A rolling window of whole tiles: `over` at most, and less than one tile shorter at least (the tail leaves
 * by whole tiles; see state/tiles.ts). Both or neither; neither: all time.
 */
export interface Windowed {
  /** How far the window reaches back, such as '7d'. */
  readonly over?: string
  /** The length of its tiles, such as '1h'. The shorter, the more exact, and the larger the state. */
  readonly every?: string
}

/** The most tiles of a window. One takes about 4 bytes of a user's encoded state, and 1 to 9 more for each feature. */
export const tilesMax = 1_000

/** An amount that adds up, over all time or in a window. */
export interface Accumulator {
  add(state: JobState, amount: number, event: Event): void
  total(state: JobState): number
}

export function accumulator(scope: Scope, options: Windowed): Accumulator {
  if (options.over === undefined && options.every === undefined) return allTime(scope)
  return rolling(scope, options)
}

function allTime(scope: Scope): Accumulator {
  const at = scope.number('total', 0)
  return {
    add(state, amount) {
      state.numbers[at] = (state.numbers[at] as number) + amount
    },
    total: state => state.numbers[at] as number,
  }
}

function rolling(scope: Scope, { over, every }: Windowed): Accumulator {
  const overMs = duration(scope, 'over', over)
  const everyMs = duration(scope, 'every', every)
  const count = overMs / everyMs
  if (!Number.isInteger(count))
    scope.fail(
      `a window over '${over}' is not a whole number of tiles every '${every}'`,
      `choose tiles that divide it: over: '7d', every: '1h'`,
    )
  if (count > tilesMax)
    scope.fail(
      `a window over '${over}' every '${every}' has ${count} tiles, and ${tilesMax} is the most`,
      'choose longer tiles, or a shorter window',
    )
  const { table, column } = scope.column('tiles', everyMs, count)
  return {
    add(state, amount, event) {
      const tile = Math.floor(event.timestamp / everyMs)
      if (tile < firstTile(table, state.now)) return
      addToTile(state.tables[table.at] as Tiles, table.width, tile, column, amount)
    },
    total: state =>
      sumTiles(state.tables[table.at] as Tiles, table.width, firstTile(table, state.now), column),
  }
}

function duration(scope: Scope, option: string, text: unknown): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms === 0)
    return scope.fail(
      `${option} is ${JSON.stringify(text)}`,
      `write ${durationForm}; a window needs both over and every`,
    )
  return ms
}
