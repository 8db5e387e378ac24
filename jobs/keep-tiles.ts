import type { Aggregate } from './aggregate.ts'
import type { Scope } from './feature.ts'
import type { Keeper } from './keeper.ts'
import { firstTile, lastTile, nextTileChange, type Plain } from './layout.ts'

/**
 * Parts by tile, for what does not add up like numbers:
 *
 *     [tile, part, tile, part, …]
 *
 * sorted by tile, only those that something fell into. As in state/tiles.ts, nothing is ever taken out of a
 * part: what a window shows is merged from its tiles, oldest first.
 */
export function keepTiles<Part extends Plain, Value>(
  scope: Scope,
  window: { readonly everyMs: number; readonly count: number; readonly whole: boolean },
  { create, add, merge }: Aggregate<Part, Value>,
): Keeper<Part, Value> {
  const at = scope.cell('tiles', { create: () => [], merge: mergeCells })
  const cellOf = (cells: Plain[][]) => cells[at] as Plain[]
  const { everyMs } = window
  const spec = { ...window, width: 2, columnIds: [] }

  scope.clock({
    next(state) {
      const cell = cellOf(state.cells)
      if (cell.length === 0) return Number.POSITIVE_INFINITY
      return nextTileChange(window, cell[0] as number, cell[cell.length - 2] as number, state.now)
    },
    advance(state) {
      const cell = cellOf(state.cells)
      const first = firstTile(spec, state.now)
      let gone = 0
      while (gone < cell.length && (cell[gone] as number) < first) gone += 2
      if (gone > 0) cell.splice(0, gone)
    },
  })

  /** Where the tile stands, or belongs. The newest first: most events belong there. */
  function positionOf(cell: readonly Plain[], tile: number): number {
    let position = cell.length
    while (position > 0 && (cell[position - 2] as number) >= tile) position -= 2
    return position
  }

  /** The anonymous user's parts are taken for the older ones of their tile. */
  function mergeCells(into: Plain[], from: Plain[]): Plain[] {
    for (let at = 0; at < from.length; at += 2) {
      const tile = from[at] as number
      const part = from[at + 1] as Part
      const position = positionOf(into, tile)
      if (into[position] === tile) into[position + 1] = merge(part, into[position + 1] as Part)
      else into.splice(position, 0, tile, part)
    }
    return into
  }

  return {
    add(state, value, event) {
      const tile = Math.floor(event.timestamp / everyMs)
      if (tile < firstTile(spec, state.now)) return
      const cell = cellOf(state.cells)
      const position = positionOf(cell, tile)
      if (cell[position] !== tile) cell.splice(position, 0, tile, create())
      cell[position + 1] = add(cell[position + 1] as Part, value, event)
    },
    total(state) {
      const cell = cellOf(state.cells)
      const first = firstTile(spec, state.now)
      const last = lastTile(spec, state.now)
      let total = create()
      for (let at = 0; at < cell.length; at += 2) {
        const tile = cell[at] as number
        if (tile >= first && tile <= last) total = merge(total, cell[at + 1] as Part)
      }
      return total
    },
  }
}
