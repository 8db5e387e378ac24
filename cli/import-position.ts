import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { readPosition } from '../collect/position-file.ts'
import type { ImportKind } from './import-columns.ts'

/** How far an import of a file has come. */
export interface ImportPosition {
  /** Of the file's content, and of how its columns are read. */
  readonly digest: string
  /** How often this path was imported anew, from 1. */
  readonly generation: number
  /** Rows that are done, good or bad: all of them safe. */
  readonly rows: number
  readonly accepted: number
  readonly bad: number
  /** Of users who were erased after what the row tells; left out. */
  readonly erased: number
  readonly done: boolean
}

export interface FileDigest {
  readonly digest: string
  /** Lines of the file; 0 where it is packed. */
  readonly lines: number
}

/** Names the folder of a file's position: one for each kind and path. */
export function importName(kind: ImportKind, path: string): string {
  return `${kind}-${sha256(resolve(path)).slice(0, 16)}`
}

/** Reads the file once: what is in it says whether it is the one that an import began with. */
export async function digestOf(path: string, reading: unknown): Promise<FileDigest> {
  const hash = createHash('sha256').update(JSON.stringify(reading))
  const isPacked = path.endsWith('.gz')
  let lines = 0
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(part)
    if (isPacked) continue
    for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, at + 1)) lines++
  }
  return { digest: hash.digest('hex').slice(0, 32), lines }
}

/**
 * Where an import begins: where one of the same content ended; at the first row where the content is another; and
 * as the next generation where the one before came to its end. `changed`: it did not, and the content is another.
 */
export async function startOf(
  positionPath: string,
  digest: string,
  again: boolean,
): Promise<{ readonly position: ImportPosition; readonly changed: boolean }> {
  const before = positionIn(await readPosition(positionPath))
  const isSame = before?.digest === digest
  if (before !== undefined && isSame && !(again && before.done))
    return { position: before, changed: false }
  const isOver = before === undefined || before.done
  const generation = isOver ? (before?.generation ?? 0) + 1 : before.generation
  const position = { digest, generation, rows: 0, accepted: 0, bad: 0, erased: 0, done: false }
  return { position, changed: !isOver }
}

/**
 * The message id of a row: the same when the row is sent twice, also where a fault further down in the file was
 * mended in between; another one where the row itself was mended, or the file is imported again after its end.
 */
export function rowId(
  name: string,
  { generation }: ImportPosition,
  line: number,
  row: Readonly<Record<string, unknown>>,
): string {
  const digest = sha256(`${name} ${generation} ${JSON.stringify(row)}`).slice(0, 20)
  return `import:${digest}:${line}`
}

function positionIn(kept: unknown): ImportPosition | undefined {
  if (typeof kept !== 'object' || kept === null) return undefined
  const {
    digest,
    generation,
    rows,
    accepted,
    bad,
    done,
    erased = 0,
  } = kept as Partial<ImportPosition>
  const counts = [generation, rows, accepted, bad, erased]
  if (typeof digest !== 'string' || typeof done !== 'boolean') return undefined
  return counts.every(count => Number.isSafeInteger(count))
    ? ({ ...kept, erased } as ImportPosition)
    : undefined
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
