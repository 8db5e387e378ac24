import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A place between two frames of the spool. */
export interface SpoolPosition {
  readonly segment: number
  /** From the start of the segment's file. */
  readonly byte: number
}

/** The position that `writePosition` left; `undefined` where there is none that can be read. */
export async function readPosition(folder: string): Promise<SpoolPosition | undefined> {
  const text = await readFile(pathIn(folder), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const [, segment, byte] = /^segment (\d{1,12}) byte (\d{1,15})\n$/.exec(text) ?? []
  if (segment === undefined || byte === undefined) return undefined
  return { segment: Number(segment), byte: Number(byte) }
}

/** Whole or not at all, whenever the process dies. Not synced: after a power cut it may be an older one, or none. */
export async function writePosition(
  folder: string,
  { segment, byte }: SpoolPosition,
): Promise<void> {
  const path = pathIn(folder)
  await writeFile(`${path}.new`, `segment ${segment} byte ${byte}\n`)
  await rename(`${path}.new`, path)
}

const pathIn = (folder: string): string => join(folder, 'position')
