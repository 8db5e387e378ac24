import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from './spool-segment.ts'

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

/**
 * Whole or not at all, whenever the process dies. After a power cut it may be an older one, or none; but with `synced`
 * none that is older than this.
 */
export async function writePosition(
  folder: string,
  { segment, byte }: SpoolPosition,
  synced: boolean,
): Promise<void> {
  const path = pathIn(folder)
  const file = await open(`${path}.new`, 'w')
  try {
    await file.writeFile(`segment ${segment} byte ${byte}\n`)
    if (synced) await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  if (synced) await syncFolder(folder)
}

const pathIn = (folder: string): string => join(folder, 'position')
