import { mkdir } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import type { Progress } from './progress.ts'

export type Level = ClassicLevel<string, Buffer>

/** Written with every batch, under the key `META`, so that it tells the state of exactly the rows beside it. */
export interface Meta {
  readonly format: number
  readonly topic: string
  readonly rows: number
  /** In order of partition; their number is part of the topic's identity. */
  readonly partitions: readonly Progress[]
  /** The highest offset in the versions of each partition's rows, where it is known. */
  readonly newest?: readonly (number | null | undefined)[]
}

export const META = 'meta'
/** 2: with the members of segments; 3: with a checksum of each row, 4: at its begin. */
export const FORMAT = 4
const BLOCK_CACHE_BYTES = 32 << 20
/**
 * Rows that LevelDB gathers before it writes a table, and what it reads again after a crash, 0.2 s. A table of any size
 * is merged with all below it before long, since its keys lie everywhere and each is asked for: with 16 MiB that took
 * a sixth of a core at 2,000 changes a second, and takes a fortieth.
 */
const WRITE_BUFFER_BYTES = 64 << 20

/**
 * Opens the database of a view. One that is damaged or of another format is replaced by an empty one, since
 * the topic has everything. Rejects with a `ViewError`.
 */
export async function openOrRepair(
  folder: string,
): Promise<{ level: Level; meta: Meta | undefined }> {
  let level: Level
  try {
    await mkdir(folder, { recursive: true })
    level = await openLevel(folder)
  } catch (error) {
    if (!saysLevel(error, 'LEVEL_CORRUPTION')) throw viewError(folder, error)
    return { level: await openAnew(folder), meta: undefined }
  }
  try {
    const meta = await readMeta(level, folder)
    if (meta === undefined || meta.format === FORMAT) return { level, meta }
  } catch (error) {
    await level.close()
    throw viewError(folder, error)
  }
  await level.close()
  return { level: await openAnew(folder), meta: undefined }
}

/**
 * `locked`: another process has it open. `foreign`: it is another program's. `failed`: the disk. `damaged`: what is
 * there was not written by us.
 */
export class ViewError extends Error {
  override readonly name = 'ViewError'
  readonly code: 'locked' | 'foreign' | 'failed' | 'damaged'

  constructor(code: ViewError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

async function openLevel(folder: string): Promise<Level> {
  const level = newLevel(folder)
  await level.open()
  return level
}

function newLevel(folder: string): Level {
  const encodings = { keyEncoding: 'utf8', valueEncoding: 'buffer' } as const
  const sizes = { cacheSize: BLOCK_CACHE_BYTES, writeBufferSize: WRITE_BUFFER_BYTES }
  return new ClassicLevel(folder, { ...encodings, ...sizes })
}

/** Deletes the view, and makes an empty one. */
export async function openAnew(folder: string): Promise<Level> {
  try {
    await ClassicLevel.destroy(folder)
    return await openLevel(folder)
  } catch (error) {
    throw viewError(folder, error)
  }
}

async function readMeta(level: Level, folder: string): Promise<Meta | undefined> {
  const bytes = await level.get(META)
  // Every write of ours has this key in it, so a database without it was never ours to throw away.
  if (bytes !== undefined) return JSON.parse(bytes.toString()) as Meta
  for await (const _key of level.keys({ limit: 1 })) {
    throw new ViewError(
      'foreign',
      `the database in ${folder} is not a view of millrace serve: give the sidecar a folder of its own`,
    )
  }
  return undefined
}

export function viewError(folder: string, error: unknown): ViewError {
  if (error instanceof ViewError) return error
  if (saysLevel(error, 'LEVEL_LOCKED')) {
    return new ViewError(
      'locked',
      `another process has the view in ${folder} open: stop that one, or give this one another --instance`,
      error,
    )
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return new ViewError(
    saysLevel(error, 'LEVEL_CORRUPTION') ? 'damaged' : 'failed',
    `the view in ${folder} cannot be read or written: ${cause instanceof Error ? cause.message : cause}`,
    error,
  )
}

/** Level puts the reason in `cause` when opening fails. */
function saysLevel(error: unknown, code: string): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === code) || saysLevel(error.cause, code)
}

/** Whether a disk without room is the cause. */
export function saysFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return /no space left|ENOSPC|quota exceeded/i.test(error.message) || saysFull(error.cause)
}

/** A database that is closed, and rejects all that it is asked. */
export async function neverOpened(folder: string): Promise<Level> {
  const level: Level = newLevel(folder)
  await level.close()
  return level
}
