import type { Tiles } from '../state/tiles.ts'

/** One user's state: flat arrays, whose places the job's features were given when it was compiled. */
export interface JobState {
  /** Where this user's windows end, epoch ms; −Infinity before the first event. It never goes back. */
  now: number
  readonly numbers: number[]
  /** One for each window that the job has: the tiles of all features that share it. */
  readonly tables: Tiles[]
  readonly lists: string[][]
}

/** A window of whole tiles, and the table that keeps it. */
export interface Table {
  readonly at: number
  readonly everyMs: number
  /** Tiles in the window. */
  readonly count: number
  /** Row length: 1 + columns. */
  width: number
  readonly columnIds: string[]
}

/**
 * Hands out places in the state. Each has an id, made from its feature's name and definition: a state
 * carries the ids of its places, so a changed job finds again what did not change.
 */
export class Layout {
  readonly numberIds: string[] = []
  readonly initialNumbers: number[] = []
  readonly tables: Table[] = []
  readonly listIds: string[] = []

  number(id: string, initial: number): number {
    this.initialNumbers.push(initial)
    return this.numberIds.push(id) - 1
  }

  list(id: string): number {
    return this.listIds.push(id) - 1
  }

  /** A column of the table for this window; columns count from 1, after the tile. */
  column(id: string, everyMs: number, count: number): { table: Table; column: number } {
    let table = this.tables.find(known => known.everyMs === everyMs && known.count === count)
    if (table === undefined) {
      table = { at: this.tables.length, everyMs, count, width: 1, columnIds: [] }
      this.tables.push(table)
    }
    table.columnIds.push(id)
    return { table, column: table.width++ }
  }

  create(): JobState {
    return {
      now: Number.NEGATIVE_INFINITY,
      numbers: [...this.initialNumbers],
      tables: this.tables.map(() => []),
      lists: this.listIds.map(() => []),
    }
  }
}

/** The oldest tile that is still in the table's window when it ends at `now`. */
export function firstTile(table: Table, now: number): number {
  return Math.floor(now / table.everyMs) - table.count + 1
}
