import type { Tiles } from '../state/tiles.ts'
import { JobError } from './job.ts'
import type { JobState, Layout, Plain } from './layout.ts'

/** Characters of one place's id. */
export const placeIdLength = 5

/**
 * The state as it is encoded:
 *
 *     [places, now, numbers, tables, lists, cells]
 *
 * `places` has the ids of all places: those of the numbers, '|', those of each table's columns with ','
 * between tables, '|', those of the lists, '|', those of the cells. Without cells, their '|' and the last item
 * are left out. Tiles of tables count back from the one that holds `now`: small numbers.
 *
 * A state of the same job before it was changed is taken over place by place: what has the same id goes on,
 * what is new begins, what is gone vanishes.
 */
export function stateForm(layout: Layout) {
  const ids = [
    layout.numbers.map(({ id }) => id).join(''),
    layout.tables.map(table => table.columnIds.join('')).join(','),
    layout.lists.map(({ id }) => id).join(''),
  ]
  const hasCells = layout.cells.length > 0
  if (hasCells) ids.push(layout.cells.map(({ id }) => id).join(''))
  const places = ids.join('|')

  return {
    encode(state: JobState): unknown {
      const tables: Tiles[] = []
      for (const { at, everyMs, width } of layout.tables)
        tables.push(countBack((state.tables[at] as Tiles).slice(), width, everyMs, state.now))
      const { now, numbers, lists, cells } = state
      return hasCells
        ? [places, now, numbers, tables, lists, cells]
        : [places, now, numbers, tables, lists]
    },

    decode(encoded: unknown): JobState {
      const form = parse(encoded)
      const state = form.places === places ? form : changed(form, layout)
      const { now, numbers, tables, lists, cells } = state
      const isWhole =
        tables.length === layout.tables.length &&
        lists.length === layout.lists.length &&
        numbers.length === layout.numbers.length &&
        cells.length === layout.cells.length
      if (!isWhole) throw unknownShape(encoded)
      for (const { at, everyMs, width } of layout.tables) {
        const tiles = tables[at] as Tiles
        if (tiles.length % width !== 0) throw unknownShape(encoded)
        countBack(tiles, width, everyMs, now)
      }
      return { now, numbers, tables, lists, cells }
    },
  }
}

interface Form extends JobState {
  readonly places: string
}

/** Turns tiles into their distance from the tile of `now`, and back. In place. */
function countBack(tiles: Tiles, width: number, everyMs: number, now: number): Tiles {
  const head = Math.floor(now / everyMs)
  for (let row = 0; row < tiles.length; row += width) tiles[row] = head - (tiles[row] as number)
  return tiles
}

function changed(form: Form, layout: Layout): Form {
  const [numberIds = '', tableIds = '', listIds = '', cellIds = ''] = form.places.split('|')
  const numbersBefore = idsOf(numberIds)
  const listsBefore = idsOf(listIds)
  const cellsBefore = idsOf(cellIds)
  const tablesBefore = tableIds.split(',').map(idsOf)
  return {
    places: form.places,
    now: form.now,
    numbers: layout.numbers.map(
      ({ id, initial }) => form.numbers[numbersBefore.indexOf(id)] ?? initial,
    ),
    // A column's id names its window, so columns that go on together stood in one table before.
    tables: layout.tables.map(({ columnIds }) => {
      const from = tablesBefore.findIndex(ids => columnIds.some(id => ids.includes(id)))
      return from < 0
        ? []
        : columns(form.tables[from] ?? [], tablesBefore[from] as string[], columnIds)
    }),
    lists: layout.lists.map(({ id }) => form.lists[listsBefore.indexOf(id)] ?? []),
    cells: layout.cells.map(({ id, create }) => form.cells[cellsBefore.indexOf(id)] ?? create()),
  }
}

function columns(tiles: Tiles, before: string[], after: string[]): Tiles {
  const width = 1 + before.length
  const picked: Tiles = []
  for (let row = 0; row < tiles.length; row += width) {
    picked.push(tiles[row] as number)
    for (const id of after)
      picked.push(before.includes(id) ? (tiles[row + 1 + before.indexOf(id)] as number) : 0)
  }
  return picked
}

function idsOf(text: string): string[] {
  const ids: string[] = []
  for (let at = 0; at < text.length; at += placeIdLength)
    ids.push(text.slice(at, at + placeIdLength))
  return ids
}

function parse(encoded: unknown): Form {
  if (!Array.isArray(encoded) || encoded.length < 5 || encoded.length > 6)
    throw unknownShape(encoded)
  const [places, now, numbers, tables, lists, cells = []]: unknown[] = encoded
  if (typeof places !== 'string' || typeof now !== 'number') throw unknownShape(encoded)
  if (!isListOf(numbers, isNumber) || !isListOf(tables, isNumbers) || !isListOf(lists, isStrings))
    throw unknownShape(encoded)
  if (!isListOf(cells, isCell)) throw unknownShape(encoded)
  return { places, now, numbers, tables, lists, cells }
}

function isListOf<Item>(value: unknown, isItem: (item: unknown) => item is Item): value is Item[] {
  if (!Array.isArray(value)) return false
  for (let i = 0; i < value.length; i++) if (!isItem(value[i])) return false
  return true
}

const isNumber = (value: unknown): value is number => typeof value === 'number'
const isString = (value: unknown): value is string => typeof value === 'string'
const isNumbers = (value: unknown): value is number[] => isListOf(value, isNumber)
const isStrings = (value: unknown): value is string[] => isListOf(value, isString)
/** Its feature's alone: the id says that this feature, so defined, wrote it. */
const isCell = (value: unknown): value is Plain[] => Array.isArray(value)

function unknownShape(encoded: unknown): JobError {
  const found = JSON.stringify(encoded)?.slice(0, 120) ?? typeof encoded
  return new JobError(
    'unknown_state',
    `expected a state as defineJob encodes it, [places, now, numbers, tables, lists, cells]; found ${found}. ` +
      'It was written by another kind of job: start this one under a new name, which builds its state anew.',
  )
}
