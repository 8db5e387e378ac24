import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { aggregates, type Decay, timeless, windows } from './matrix.ts'
import type { MomentRow } from './rows.ts'

/** User → feature → value; features that a user has no rows for are not there. */
export type Answer = Map<string, Record<string, unknown>>

/** What every user's features must be at a moment, by somebody else. */
export class Duck {
  readonly #connection: DuckDBConnection
  readonly #close: () => void

  private constructor(connection: DuckDBConnection, close: () => void) {
    this.#connection = connection
    this.#close = close
  }

  static async open(rows: readonly MomentRow[]): Promise<Duck> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
    const connection = await instance.connect()
    await connection.run(`CREATE TABLE events (
      line BIGINT, user VARCHAR, event VARCHAR, ms BIGINT, amount DOUBLE, product VARCHAR, kind VARCHAR)`)
    const appender = await connection.createAppender('events')
    for (const [line, { user, event, ms, amount, product, kind }] of rows.entries()) {
      appender.appendBigInt(BigInt(line))
      appender.appendVarchar(user)
      appender.appendVarchar(event)
      appender.appendBigInt(BigInt(ms))
      appender.appendDouble(amount)
      appender.appendVarchar(product)
      appender.appendVarchar(kind)
      appender.endRow()
    }
    appender.closeSync()
    return new Duck(connection, () => {
      connection.closeSync()
      instance.closeSync()
    })
  }

  close(): void {
    this.#close()
  }

  /** Visits of all users in all rows. */
  async visits(gapMs: number): Promise<number> {
    const reader = await this.#connection.runAndReadAll(`
      SELECT count(*)::INTEGER FROM (
        SELECT ms - lag(ms) OVER (PARTITION BY user ORDER BY ms) AS pause FROM events)
      WHERE pause IS NULL OR pause >= ${gapMs}`)
    return Number(reader.getRowsJS()[0]?.[0])
  }

  /** After the events up to `line`. `watermark`: where windows of silent users end; `undefined`: at their newest event. */
  async ask(line: number, watermark: number | undefined, decay: Decay): Promise<Answer> {
    const now = watermark === undefined ? 'max(ms)' : `greatest(max(ms), ${watermark})`
    await this.#connection.run(seenSql(line, now))
    const answer: Answer = new Map()
    for (const [name, { rows, tile }] of Object.entries(windows)) {
      const words = name === 'ever' ? { ...aggregates, ...timeless(decay) } : aggregates
      const columns = Object.entries(words).map(([word, { sql }]) => `${sql} AS "${word}_${name}"`)
      const reader = await this.#connection.runAndReadAll(windowSql(rows, tile, columns))
      for (const { user, ...features } of reader.getRowObjectsJS()) {
        const known = answer.get(String(user)) ?? {}
        for (const [feature, value] of Object.entries(features)) known[feature] = plain(value)
        answer.set(String(user), known)
      }
    }
    return answer
  }
}

const gapMs = 30 * 60_000

const seenSql = (line: number, now: string) => `
  CREATE OR REPLACE TEMP TABLE seen AS
  WITH
    taken AS (SELECT * FROM events WHERE line <= ${line}),
    pauses AS (SELECT *, ms - lag(ms) OVER mine >= ${gapMs} AS begins FROM taken WINDOW mine AS (PARTITION BY user ORDER BY ms, line)),
    visits AS (SELECT *, sum(begins::INTEGER) OVER (PARTITION BY user ORDER BY ms, line) AS nth FROM pauses),
    users AS (SELECT user, ${now} AS now, max(ms) + ${gapMs} > ${now} AS isOpen, max(nth) AS sessions FROM visits GROUP BY user)
  SELECT visits.*, coalesce(nth, 0) AS session, coalesce(sessions, 0) AS sessions, now, isOpen FROM visits JOIN users USING (user)`

const windowSql = (rows: string, tile: string, columns: readonly string[]) => `
  WITH
    chosen AS (SELECT * FROM seen WHERE ${rows}),
    lasts AS (
      SELECT user, list(product ORDER BY newest DESC)[1:5] AS lastProducts
      FROM (SELECT user, product, max((${tile}) * 10000000 + line) AS newest FROM chosen GROUP BY user, product)
      GROUP BY user),
    tops AS (
      SELECT user, list(kind ORDER BY times DESC, kind)[1:3] AS topKinds
      FROM (SELECT user, kind, count(*) AS times FROM chosen GROUP BY user, kind)
      GROUP BY user)
  SELECT user, ${columns.join(', ')}
  FROM chosen JOIN lasts USING (user) JOIN tops USING (user) GROUP BY user`

/** Counts come as bigints. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  return Array.isArray(value) ? value.map(plain) : value
}
