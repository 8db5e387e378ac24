import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ChainedBatch, ClassicLevel } from 'classic-level'
import {
  formatKey,
  formatVersion,
  parseProgress,
  progressKey,
  readTimerKey,
  stateKey,
  statesFrom,
  statesTo,
  timerKey,
  timersFrom,
  timersTo,
} from './level-keys.ts'
import type { Slice, Store, StoreProgress, TimerEntry } from './store.ts'
import { StoreError, timersAtOnceMax } from './store.ts'
import { checkTimers } from './timer-order.ts'
import { applyToPage, pageSize, type TimerPage, timersOfPage } from './timer-page.ts'

type Level = ClassicLevel<string, Uint8Array>
type Batch = ChainedBatch<Level, string, Uint8Array>

const binaryKey = { keyEncoding: 'buffer' } as const

const empty = new Uint8Array(0)

/**
 * Opens the store in `folder`, making it where there is none. Rejects with a `StoreError`: `locked` when
 * another process (or another store of this one) has it open, `corrupt` when its content cannot be read
 * or is of an unknown format, `failed` when the folder cannot be used.
 */
export async function openLevelStore(folder: string): Promise<Store> {
  const level: Level = new ClassicLevel(folder, { keyEncoding: 'utf8', valueEncoding: 'view' })
  try {
    await level.open()
  } catch (error) {
    throw storeError(folder, error)
  }
  try {
    await checkFormat(level, folder)
    const progress = readProgress(level, folder)
    const page = await readPage(level, undefined)
    return new LevelStore(folder, level, progress, page)
  } catch (error) {
    await level.close()
    throw storeError(folder, error)
  }
}

class LevelStore implements Store {
  readonly #folder: string
  readonly #level: Level
  #progress: StoreProgress | undefined
  #page: TimerPage
  /** Writes and page loads take turns, so that a page never misses a slice that was written meanwhile. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(folder: string, level: Level, progress: StoreProgress | undefined, page: TimerPage) {
    this.#folder = folder
    this.#level = level
    this.#progress = progress
    this.#page = page
  }

  get progress(): StoreProgress | undefined {
    return this.#progress
  }

  get(key: string): Uint8Array | undefined {
    try {
      return this.#level.getSync(stateKey(key))
    } catch (error) {
      throw storeError(this.#folder, error)
    }
  }

  async write(slice: Slice): Promise<void> {
    checkTimers(slice.timersAdded)
    checkTimers(slice.timersRemoved)
    await this.#inTurn(async () => {
      await fill(this.#level.batch(), slice).write({ sync: true })
      this.#progress = slice.progress
      applyToPage(this.#page, slice)
    })
  }

  timers(cursor: TimerEntry | undefined, upTo: number, limit: number): TimerEntry[] | undefined {
    if (this.#level.status !== 'open')
      throw storeError(this.#folder, { code: 'LEVEL_DATABASE_NOT_OPEN' })
    return timersOfPage(this.#page, cursor, upTo, Math.min(limit, timersAtOnceMax))
  }

  loadTimers(cursor: TimerEntry | undefined): Promise<void> {
    return this.#inTurn(async () => {
      this.#page = await readPage(this.#level, cursor)
    })
  }

  async *entries(): AsyncGenerator<readonly [string, Uint8Array]> {
    try {
      for await (const [key, bytes] of this.#level.iterator({ gte: statesFrom, lt: statesTo }))
        yield [key.slice(1), bytes]
    } catch (error) {
      throw storeError(this.#folder, error)
    }
  }

  async sizeBytes(): Promise<number> {
    if (this.#level.status !== 'open')
      throw storeError(this.#folder, { code: 'LEVEL_DATABASE_NOT_OPEN' })
    const names = await readdir(this.#folder)
    // LevelDB deletes files while we look; one that is gone takes no room.
    const sizes = await Promise.all(
      names.map(name =>
        stat(join(this.#folder, name)).then(
          file => file.size,
          () => 0,
        ),
      ),
    )
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#level.close()
  }

  async destroy(): Promise<void> {
    await this.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(action).catch(error => {
      throw storeError(this.#folder, error)
    })
    this.#turn = done.catch(() => undefined)
    return done
  }
}

/**
 * A chained batch, since one from an array blocks the thread nine times as long: 53 µs an operation against 6,
 * in 4,000 puts of 250 bytes. Removals come first: a timer in both lists stays, as in the memory store.
 */
function fill(batch: Batch, slice: Slice): Batch {
  for (const [key, value] of slice.states) {
    if (value === undefined) batch.del(stateKey(key))
    else batch.put(stateKey(key), value)
  }
  for (const timer of slice.timersRemoved) batch.del(timerKey(timer), binaryKey)
  for (const timer of slice.timersAdded) batch.put(timerKey(timer), empty, binaryKey)
  return batch.put(progressKey, Buffer.from(JSON.stringify(slice.progress)))
}

async function readPage(level: Level, cursor: TimerEntry | undefined): Promise<TimerPage> {
  const range = cursor === undefined ? { gte: timersFrom } : { gt: timerKey(cursor) }
  const keys = await level
    .keys<Buffer>({ ...range, lt: timersTo, keyEncoding: 'buffer', limit: pageSize })
    .all()
  return { after: cursor, whole: keys.length < pageSize, timers: keys.map(readTimerKey) }
}

/** A new store is given its format; one of another format, or of another program, is refused. */
async function checkFormat(level: Level, folder: string): Promise<void> {
  const found = level.getSync<string, string>(formatKey, { valueEncoding: 'utf8' })
  if (found === formatVersion) return
  if (found !== undefined)
    throw new StoreError(
      'corrupt',
      `the store in ${folder} has format ${JSON.stringify(found.slice(0, 20))}, and this Millrace knows ${formatVersion}: ` +
        'delete the folder and it is restored from the changelog, or run the Millrace that wrote it',
    )
  for await (const key of level.keys({ limit: 1 }))
    throw new StoreError(
      'failed',
      `the LevelDB in ${folder} is no store of Millrace (its first key is ${JSON.stringify(key.slice(0, 40))}): use another folder`,
    )
  await level.put<string, string>(formatKey, formatVersion, { valueEncoding: 'utf8', sync: true })
}

function readProgress(level: Level, folder: string): StoreProgress | undefined {
  const text = level.getSync<string, string>(progressKey, { valueEncoding: 'utf8' })
  if (text === undefined) return undefined
  const progress = parseProgress(text)
  if (progress !== undefined) return progress
  throw new StoreError(
    'corrupt',
    `the store in ${folder} says how far it has come in a form that nobody wrote: ${JSON.stringify(text.slice(0, 100))}; ` +
      'delete the folder and it is restored from the changelog',
  )
}

/** abstract-level wraps what LevelDB said in `cause`, where opening failed. */
function storeError(folder: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const codes = [codeOf(error), error instanceof Error ? codeOf(error.cause) : undefined]
  if (codes.includes('LEVEL_LOCKED'))
    return new StoreError(
      'locked',
      `the store in ${folder} is open in another process: stop that process, or give this one another --instance`,
      error,
    )
  if (codes.includes('LEVEL_CORRUPTION'))
    return new StoreError(
      'corrupt',
      `the store in ${folder} is damaged (${reasonOf(error)}): delete the folder and it is restored from the changelog`,
      error,
    )
  if (codes[0] === 'LEVEL_DATABASE_NOT_OPEN' && codes[1] === undefined)
    return new StoreError('failed', `the store in ${folder} was used after it was closed`, error)
  return new StoreError(
    'failed',
    `the store in ${folder} cannot be read or written (${reasonOf(error)}): look at the disk's room and the folder's permissions`,
    error,
  )
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
