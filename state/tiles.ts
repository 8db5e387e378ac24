/**
 * Tiles of one user and one window: a flat array of rows, sorted by tile, only those that something fell into.
 *
 *     [tile, column 0, column 1, …, tile, column 0, column 1, …]
 *
 * A tile is the number of whole spans since 1970 (`floor(time / every)`; a day's tile is a UTC day), and a
 * column is one feature's partial aggregate in it. Flat numbers, since objects keyed by hour cost more than
 * parsing the event did.
 *
 * A window of `count` tiles ends with, and includes, the tile of its own "now": the head is as long as now is
 * into its tile, and the tail leaves by whole tiles. So it covers `over` at most, and `over − every` at
 * least: what lies in the oldest part, shorter than one tile, is missing. Only tiles are added up, never
 * a running total, so what left the window leaves no rounding error behind.
 */
export type Tiles = number[]

/** Adds `amount` to one column of a tile, making its row. `width` is the row's length: 1 + columns. */
export function addToTile(
  tiles: Tiles,
  width: number,
  tile: number,
  column: number,
  amount: number,
): void {
  const row = rowOf(tiles, width, tile)
  if (tiles[row] !== tile) insertRow(tiles, width, row, tile)
  tiles[row + column] = (tiles[row + column] as number) + amount
}

/** Drops the tiles before `first`. */
export function dropTiles(tiles: Tiles, width: number, first: number): void {
  if (tiles.length === 0 || (tiles[0] as number) >= first) return
  tiles.splice(0, rowOf(tiles, width, first))
}

/** Adds up one column of the tiles from `first` to `last`. */
export function sumTiles(
  tiles: Tiles,
  width: number,
  first: number,
  last: number,
  column: number,
): number {
  let sum = 0
  for (let row = 0; row < tiles.length; row += width) {
    const tile = tiles[row] as number
    if (tile >= first && tile <= last) sum += tiles[row + column] as number
  }
  return sum
}

/** Adds every column of every tile of `from`, which has the same columns. */
export function mergeTiles(into: Tiles, from: Tiles, width: number): void {
  for (let row = 0; row < from.length; row += width)
    for (let column = 1; column < width; column++)
      addToTile(into, width, from[row] as number, column, from[row + column] as number)
}

/** Makes one column zero, and drops the tiles that then have nothing but zeros. */
export function clearColumn(tiles: Tiles, width: number, column: number): void {
  let kept = 0
  for (let row = 0; row < tiles.length; row += width) {
    tiles[row + column] = 0
    let empty = true
    for (let at = row + 1; at < row + width; at++) if (tiles[at] !== 0) empty = false
    if (empty) continue
    for (let at = 0; at < width; at++) tiles[kept + at] = tiles[row + at] as number
    kept += width
  }
  tiles.length = kept
}

/** Position of the row of `tile`, or where it belongs. Looks at the newest first: most events belong there. */
function rowOf(tiles: Tiles, width: number, tile: number): number {
  let low = 0
  let high = tiles.length / width
  if (high > 0) {
    const last = tiles[tiles.length - width] as number
    if (last === tile) return tiles.length - width
    if (last < tile) return tiles.length
  }
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((tiles[middle * width] as number) < tile) low = middle + 1
    else high = middle
  }
  return low * width
}

function insertRow(tiles: Tiles, width: number, row: number, tile: number): void {
  for (let i = 0; i < width; i++) tiles.push(0)
  for (let at = tiles.length - 1; at >= row + width; at--) tiles[at] = tiles[at - width] as number
  tiles[row] = tile
  for (let at = row + 1; at < row + width; at++) tiles[at] = 0
}
