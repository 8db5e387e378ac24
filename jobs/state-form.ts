import type { Tiles } from '../state/tiles.ts'
import { JobError } from './job.ts'
import type { JobState, Layout } from './layout.ts'

/** Characters of one place's id. */
export const placeIdLength = 5

/**
 * The state as it is encoded:
 *
 *     [places, now, numbers, tables, lists]
 *
 * `places` has the ids of all places: those of the numbers, '|', those of each table's columns with ','
 * between tables, '|', those of the lists. Tiles count back from the one that holds `now`: small numbers.
 *
 * A state of the same job before it was changed is taken over place by place: what has the same id goes on,
 * what is new begins, what is gone vanishes.
 */
export function stateForm(layout: Layout) {
  const places = [
    layout.numberIds.join(''),
    layout.tables.map(table => table.columnIds.join('')).join(','),
    layout.listIds.join(''),
  ].join('|')

  return {
    encode(state: JobState): unknown {
      const tables: Tiles[] = []
      for (const { at, everyMs, width } of layout.tables)
        tables.push(countBack((state.tables[at] as Tiles).slice(), width, everyMs, state.now))
      return [places, state.now, state.numbers, tables, state.lists]
    },

    decode(encoded: unknown): JobState {
      const form = parse(encoded)
      const state = form.places === places ? form : changed(form, layout)
      const { now, numbers, tables, lists } = state
      if (tables.length !== layout.tables.length || lists.length !== layout.listIds.length)
        throw unknownShape(encoded)
      if (numbers.length !== layout.numberIds.length) throw unknownShape(encoded)
      for (const { at, everyMs, width } of layout.tables) {
        const tiles = tables[at] as Tiles
        if (tiles.length % width !== 0) throw unknownShape(encoded)
        countBack(tiles, width, everyMs, now)
      }
      return { now, numbers, tables, lists }
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
  const [numberIds = '', tableIds = '', listIds = ''] = form.places.split('|')
  const numbersBefore = idsOf(numberIds)
  const listsBefore = idsOf(listIds)
  const tablesBefore = tableIds.split(',').map(idsOf)
  return {
    places: form.places,
    now: form.now,
    numbers: layout.numberIds.map(
      (id, at) => form.numbers[numbersBefore.indexOf(id)] ?? (layout.initialNumbers[at] as number),
    ),
    // A column's id names its window, so columns that go on together stood in one table before.
    tables: layout.tables.map(({ columnIds }) => {
      const from = tablesBefore.findIndex(ids => columnIds.some(id => ids.includes(id)))
      return from < 0
        ? []
        : columns(form.tables[from] ?? [], tablesBefore[from] as string[], columnIds)
    }),
    lists: layout.listIds.map(id => form.lists[listsBefore.indexOf(id)] ?? []),
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
  if (!Array.isArray(encoded) || encoded.length !== 5) throw unknownShape(encoded)
  const [places, now, numbers, tables, lists]: unknown[] = encoded
  if (typeof places !== 'string' || typeof now !== 'number') throw unknownShape(encoded)
  if (!isListOf(numbers, isNumber) || !isListOf(tables, isNumbers) || !isListOf(lists, isStrings))
    throw unknownShape(encoded)
  return { places, now, numbers, tables, lists }
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

function unknownShape(encoded: unknown): JobError {
  const found = JSON.stringify(encoded)?.slice(0, 120) ?? typeof encoded
  return new JobError(
    'unknown_state',
    `expected a state as defineJob encodes it, [places, now, numbers, tables, lists]; found ${found}. ` +
      'It was written by another kind of job: start this one under a new name, which builds its state anew.',
  )
}
