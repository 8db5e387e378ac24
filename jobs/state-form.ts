import type { StateReader } from '../state/state-reader.ts'
import { StateWriter } from '../state/state-writer.ts'
import type { Tiles } from '../state/tiles.ts'
import { JobError } from './job.ts'
import type { JobState, Layout, Plain, Table } from './layout.ts'

/** Characters of one place's id. */
export const placeIdLength = 5

/**
 * The state as it is encoded, one after the other:
 *
 *     places    a text: the ids of all places, those of the numbers, '|', those of each table's columns with ','
 *               between tables, '|', those of the lists, '|', those of the cells
 *     now       a number, and the base of all times that follow
 *     numbers   a list of numbers
 *     tables    a list of lists of numbers: tiles, counted back from the one that holds `now`: small numbers
 *     lists     a list of lists of texts
 *     cells     a list of lists
 *
 * A state of the same job before it was changed is taken over place by place: what has the same id goes on,
 * what is new begins, what is gone vanishes.
 *
 * In format version 1 it was one list of these; without cells, their '|' and the last item were left out.
 */
export function stateForm(layout: Layout) {
  const places = [
    layout.numbers.map(({ id }) => id).join(''),
    layout.tables.map(table => table.columnIds.join('')).join(','),
    layout.lists.map(({ id }) => id).join(''),
    layout.cells.map(({ id }) => id).join(''),
  ].join('|')
  const writer = new StateWriter()
  writer.text(places)
  const head = writer.copy()
  const ownIds = idsOf(places)

  return {
    encode({ now, numbers, tables, lists, cells }: JobState, to: StateWriter): void {
      to.raw(head)
      to.number(now)
      to.base = baseOf(now)
      to.numbers(numbers)
      to.list(tables.length)
      for (let at = 0; at < tables.length; at++)
        writeTiles(to, tables[at] as Tiles, layout.tables[at] as Table, now)
      to.list(lists.length)
      for (let at = 0; at < lists.length; at++) to.texts(lists[at] as string[])
      to.list(cells.length)
      for (let at = 0; at < cells.length; at++) to.value(cells[at])
    },

    decode(from: StateReader): JobState {
      const isSame = from.skips(head)
      const form = isSame ? readForm(from, places) : otherForm(from)
      const ids = isSame ? ownIds : idsOf(form.places)
      checkLengths(form, ids)
      const { now, numbers, tables, lists, cells } = isSame ? form : changed(form, ids, layout)
      for (const { at, everyMs, width } of layout.tables)
        countBack(tables[at] as Tiles, width, everyMs, now)
      return { now, numbers, tables, lists, cells }
    },
  }
}

/** Without an event yet, now is −Infinity. */
function baseOf(now: number): number {
  return Number.isFinite(now) ? now : 0
}

function writeTiles(to: StateWriter, tiles: Tiles, { everyMs, width }: Table, now: number): void {
  const head = Math.floor(now / everyMs)
  to.list(tiles.length)
  for (let row = 0; row < tiles.length; row += width) {
    to.number(head - (tiles[row] as number))
    for (let column = 1; column < width; column++) to.number(tiles[row + column] as number)
  }
}

/** What follows the places. */
function readForm(from: StateReader, places: string): Form {
  const now = from.number()
  from.base = baseOf(now)
  const numbers = from.numbers()
  const tables: Tiles[] = []
  for (let left = from.list(); left > 0; left--) tables.push(from.numbers())
  const lists: string[][] = []
  for (let left = from.list(); left > 0; left--) lists.push(from.texts())
  const cells: Plain[][] = []
  for (let left = from.list(); left > 0; left--) cells.push(cellOf(from.value()))
  return { places, now, numbers, tables, lists, cells }
}

/** Of another layout, or of format version 1. */
function otherForm(from: StateReader): Form {
  return from.isFirst ? parseFirst(from.value()) : readForm(from, from.text())
}

interface Form extends JobState {
  readonly places: string
}

/** Turns distances from the tile of `now` into tiles. In place. */
function countBack(tiles: Tiles, width: number, everyMs: number, now: number): void {
  const head = Math.floor(now / everyMs)
  for (let row = 0; row < tiles.length; row += width) tiles[row] = head - (tiles[row] as number)
}

/** The ids of the places of each kind. */
interface PlaceIds {
  readonly numbers: readonly string[]
  readonly tables: readonly (readonly string[])[]
  readonly lists: readonly string[]
  readonly cells: readonly string[]
}

function idsOf(places: string): PlaceIds {
  const [numbers = '', tables = '', lists = '', cells = ''] = places.split('|')
  return {
    numbers: split(numbers),
    tables: tables === '' ? [] : tables.split(',').map(split),
    lists: split(lists),
    cells: split(cells),
  }
}

function checkLengths(form: Form, ids: PlaceIds): void {
  let isWhole =
    form.numbers.length === ids.numbers.length &&
    form.tables.length === ids.tables.length &&
    form.lists.length === ids.lists.length &&
    form.cells.length === ids.cells.length
  for (let at = 0; at < ids.tables.length && isWhole; at++)
    isWhole = (form.tables[at] as Tiles).length % (1 + (ids.tables[at]?.length ?? 0)) === 0
  if (!isWhole) throw unknownShape(form)
}

function changed(form: Form, before: PlaceIds, layout: Layout): Form {
  return {
    places: form.places,
    now: form.now,
    numbers: layout.numbers.map(
      ({ id, initial }) => form.numbers[before.numbers.indexOf(id)] ?? initial,
    ),
    // A column's id names its window, so columns that go on together stood in one table before.
    tables: layout.tables.map(({ columnIds }) => {
      const from = before.tables.findIndex(ids => columnIds.some(id => ids.includes(id)))
      const ids = before.tables[from]
      return ids === undefined ? [] : columns(form.tables[from] ?? [], ids, columnIds)
    }),
    lists: layout.lists.map(({ id }) => form.lists[before.lists.indexOf(id)] ?? []),
    cells: layout.cells.map(({ id, create }) => form.cells[before.cells.indexOf(id)] ?? create()),
  }
}

function columns(tiles: Tiles, before: readonly string[], after: readonly string[]): Tiles {
  const width = 1 + before.length
  const picked: Tiles = []
  for (let row = 0; row < tiles.length; row += width) {
    picked.push(tiles[row] as number)
    for (const id of after)
      picked.push(before.includes(id) ? (tiles[row + 1 + before.indexOf(id)] as number) : 0)
  }
  return picked
}

function split(text: string): string[] {
  const ids: string[] = []
  for (let at = 0; at < text.length; at += placeIdLength)
    ids.push(text.slice(at, at + placeIdLength))
  return ids
}

function parseFirst(encoded: unknown): Form {
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

function cellOf(value: unknown): Plain[] {
  if (!isCell(value)) throw unknownShape(value)
  return value
}

function unknownShape(encoded: unknown): JobError {
  const found = JSON.stringify(encoded)?.slice(0, 120) ?? typeof encoded
  return new JobError(
    'unknown_state',
    `expected a state as defineJob encodes it: places, now, numbers, tables, lists, cells; found ${found}. ` +
      'It was written by another kind of job: start this one under a new name, which builds its state anew.',
  )
}
