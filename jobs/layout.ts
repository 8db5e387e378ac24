import { dropTiles, mergeTiles, type Tiles } from '../state/tiles.ts'

/** What msgpack says without knowing anything: one feature's state, or one tile of it. */
export type Plain = number | string | boolean | null | Uint8Array | Plain[]

/** One user's state: flat arrays, whose places the job's features were given when it was compiled. */
export interface JobState {
  /** Where this user's windows end, epoch ms; −Infinity before the first event. It never goes back. */
  now: number
  readonly numbers: number[]
  /** One for each window of whole tiles that sums have: the tiles of all features that share it. */
  readonly tables: Tiles[]
  readonly lists: string[][]
  /** Whatever one feature alone understands. */
  readonly cells: Plain[][]
}

/** A window of whole tiles, and the table that keeps it. */
export interface Table {
  readonly at: number
  readonly everyMs: number
  /** Tiles in the window. */
  readonly count: number
  /** Whether the window ends before the tile that holds now (a hopping one), and not with it. */
  readonly whole: boolean
  /** Row length: 1 + columns. */
  width: number
  readonly columnIds: string[]
}

export interface NumberPlace {
  readonly id: string
  readonly initial: number
  merge(into: number, from: number): number
}

export interface ListPlace {
  readonly id: string
  /** A new list. `into` is the user's own, `from` that of who the user was before he was known. */
  merge(into: readonly string[], from: readonly string[]): string[]
}

export interface CellPlace {
  readonly id: string
  create(): Plain[]
  /** Into the first, which may be changed. */
  merge(into: Plain[], from: Plain[], state: JobState): Plain[]
}

/** What time does to a place: a tile leaves, a session ends. */
export interface Clock {
  /** When the row changes next though no event comes, epoch ms; Infinity: never. Later than `state.now`. */
  next(state: JobState): number
  /** Drops what `state.now` has left behind. */
  advance(state: JobState): void
}

/**
 * Hands out places in the state. Each has an id, made from its feature's name and definition: a state
 * carries the ids of its places, so a changed job finds again what did not change.
 */
export class Layout {
  readonly numbers: NumberPlace[] = []
  readonly tables: Table[] = []
  readonly lists: ListPlace[] = []
  readonly cells: CellPlace[] = []
  readonly clocks: Clock[] = []

  number(place: NumberPlace): number {
    return this.numbers.push(place) - 1
  }

  list(place: ListPlace): number {
    return this.lists.push(place) - 1
  }

  cell(place: CellPlace): number {
    return this.cells.push(place) - 1
  }

  /** A column of the table for this window; columns count from 1, after the tile. */
  column(id: string, window: Pick<Table, 'everyMs' | 'count' | 'whole'>) {
    const { everyMs, count, whole } = window
    let table = this.tables.find(
      known => known.everyMs === everyMs && known.count === count && known.whole === whole,
    )
    if (table === undefined) {
      table = { at: this.tables.length, everyMs, count, whole, width: 1, columnIds: [] }
      this.tables.push(table)
      this.clocks.push(tableClock(table))
    }
    table.columnIds.push(id)
    return { table, column: table.width++ }
  }

  create(): JobState {
    const { numbers, tables, lists, cells } = this
    // Loops, since this is done for each new user, and a closure for each place costs more than the place.
    const state: JobState = {
      now: Number.NEGATIVE_INFINITY,
      numbers: new Array<number>(numbers.length),
      tables: new Array<Tiles>(tables.length),
      lists: new Array<string[]>(lists.length),
      cells: new Array<Plain[]>(cells.length),
    }
    for (let at = 0; at < numbers.length; at++)
      state.numbers[at] = (numbers[at] as NumberPlace).initial
    for (let at = 0; at < tables.length; at++) state.tables[at] = []
    for (let at = 0; at < lists.length; at++) state.lists[at] = []
    for (let at = 0; at < cells.length; at++) state.cells[at] = (cells[at] as CellPlace).create()
    return state
  }

  /** Takes in what another state of the same job holds; that one is of no use afterwards. */
  merge(into: JobState, from: JobState): void {
    into.now = Math.max(into.now, from.now)
    this.numbers.forEach(({ merge }, at) => {
      into.numbers[at] = merge(into.numbers[at] as number, from.numbers[at] as number)
    })
    for (const { at, width } of this.tables)
      mergeTiles(into.tables[at] as Tiles, from.tables[at] as Tiles, width)
    this.lists.forEach(({ merge }, at) => {
      into.lists[at] = merge(into.lists[at] as string[], from.lists[at] as string[])
    })
    this.cells.forEach(({ merge }, at) => {
      into.cells[at] = merge(into.cells[at] as Plain[], from.cells[at] as Plain[], into)
    })
    for (const { advance } of this.clocks) advance(into)
  }
}

/** The oldest tile that is still in the window when it ends at `now`. */
export function firstTile({ everyMs, count, whole }: Omit<Table, 'at'>, now: number): number {
  return Math.floor(now / everyMs) - count + (whole ? 0 : 1)
}

/** The newest tile in the window. */
export function lastTile({ everyMs, whole }: Pick<Table, 'everyMs' | 'whole'>, now: number) {
  return Math.floor(now / everyMs) - (whole ? 1 : 0)
}

/** When a window changes whose oldest and newest tiles are these: one leaves it, or one becomes whole. */
export function nextTileChange(
  { everyMs, count, whole }: Pick<Table, 'everyMs' | 'count' | 'whole'>,
  oldest: number,
  newest: number,
  now: number,
): number {
  const leaves = (oldest + count + (whole ? 1 : 0)) * everyMs
  const head = Math.floor(now / everyMs)
  return whole && newest >= head ? Math.min(leaves, (head + 1) * everyMs) : leaves
}

function tableClock(table: Table): Clock {
  return {
    next(state) {
      const tiles = state.tables[table.at] as Tiles
      const oldest = tiles[0]
      if (oldest === undefined) return Number.POSITIVE_INFINITY
      return nextTileChange(table, oldest, tiles[tiles.length - table.width] as number, state.now)
    },
    advance: state =>
      dropTiles(state.tables[table.at] as Tiles, table.width, firstTile(table, state.now)),
  }
}
