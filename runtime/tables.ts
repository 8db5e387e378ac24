import { createHash } from 'node:crypto'
import { type FileHandle, open as openFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Job } from '../jobs/job.ts'
import type { AnyRow, Table, TableSource, TableSources, Tables } from '../jobs/table.ts'

/** A table that cannot be used as it is. The message names the file, the line where there is one, and the remedy. */
export class TableError extends Error {
  override readonly name = 'TableError'
  readonly code = 'bad_table'
}

/** The bytes of a job's tables, shared by all threads: each of them, also one that is opened later, has the same. */
export type TableFiles = Readonly<Record<string, SharedArrayBuffer>>

export interface OpenedTables {
  readonly tables: Tables
  /** What is odd in them, for the log. */
  readonly warnings: readonly string[]
}

/** Where a table's reader says what is wrong with it, and what is only odd. */
export interface TableReport {
  fail(problem: string): never
  warn(oddity: string): void
}

const chunkBytes = 8 * 1024 * 1024

/**
 * Reads the files of a job's tables, relative to its module. Which file it is does not matter to a job, only what
 * is in it.
 *
 * @throws TableError
 */
export async function readTableFiles(sources: TableSources, jobUrl: string): Promise<TableFiles> {
  const files: [string, SharedArrayBuffer][] = []
  for (const [name, source] of Object.entries(sources)) {
    const path = resolve(dirname(fileURLToPath(jobUrl)), source.file)
    files.push([name, await readShared(path, source.bytesMax, `table "${name}"`)])
  }
  return Object.fromEntries(files)
}

/**
 * The tables, parsed, with turns for others in between: a large one takes seconds.
 *
 * @throws TableError
 */
export async function openTables(sources: TableSources, files: TableFiles): Promise<OpenedTables> {
  const warnings: string[] = []
  const tables: [string, Table<AnyRow>][] = []
  for (const [name, source] of Object.entries(sources)) {
    const shared = files[name]
    if (shared === undefined) throw new TableError(`table "${name}" has not been read`)
    const place = `table "${name}" (${source.file})`
    const report: TableReport = {
      fail(problem) {
        throw new TableError(`${place}: ${problem}`)
      },
      warn: oddity => warnings.push(`${place}: ${oddity}`),
    }
    const bytes = Buffer.from(shared)
    const hash = hashOf(source, bytes)
    const get = await open(source, bytes, report)
    tables.push([name, { hash, get }])
  }
  return { tables: Object.fromEntries(tables), warnings }
}

/** What reads each kind is loaded only where it is needed. */
async function open(
  source: TableSource,
  bytes: Buffer,
  report: TableReport,
): Promise<Table<AnyRow>['get']> {
  if (source.kind === 'geo') return (await import('./tables-geo.ts')).geoTable(bytes, report)
  return (await import('./tables-rows.ts')).rowsTable(source, bytes, report)
}

/**
 * The job with its tables, and what is odd in them; as it is where it has none.
 *
 * @throws TableError
 */
export async function withTables(
  job: Job,
  files: TableFiles,
): Promise<{ readonly job: Job; readonly warnings: readonly string[] }> {
  if (job.tables === undefined) return { job, warnings: [] }
  const { tables, warnings } = await openTables(job.tables.sources, files)
  return { job: job.tables.bind(tables), warnings }
}

/** Of the content, and of how it is read. */
function hashOf(source: TableSource, bytes: Buffer): string {
  const how =
    source.kind === 'geo'
      ? ['geo']
      : ['rows', source.file.endsWith('.csv'), source.key, source.columns]
  return createHash('sha256').update(JSON.stringify(how)).update(bytes).digest('base64url')
}

async function readShared(
  path: string,
  bytesMax: number,
  place: string,
): Promise<SharedArrayBuffer> {
  let file: FileHandle
  try {
    file = await openFile(path)
  } catch (error) {
    throw new TableError(
      `${place}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}); a table's file is named relative to the job's module`,
      { cause: error },
    )
  }
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new TableError(`${place}: ${path} is no file`)
    if (stat.size > bytesMax)
      throw new TableError(
        `${place}: ${path} has ${stat.size} bytes, and may have ${bytesMax}; raise its bytesMax if the memory is there`,
      )
    const shared = new SharedArrayBuffer(stat.size)
    await readAll(file, Buffer.from(shared), () => {
      throw new TableError(`${place}: ${path} was changed while it was read; start again`)
    })
    return shared
  } finally {
    await file.close()
  }
}

/** In pieces, by way of a buffer of its own: what reads files does not take shared memory. */
async function readAll(file: FileHandle, bytes: Buffer, changed: () => never): Promise<void> {
  const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, bytes.length + 1))
  let at = 0
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) break
    if (at + bytesRead > bytes.length) changed()
    chunk.copy(bytes, at, 0, bytesRead)
    at += bytesRead
  }
  if (at < bytes.length) changed()
}
