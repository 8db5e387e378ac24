import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** One offset that a partition remembers, in a file of its own: where its log starts, how far it is compacted. */
export type OffsetName = 'start-offset' | 'cleaned-offset'

/** 0 when it was never written. */
export function readOffset(folder: string, name: OffsetName): number {
  try {
    return Number(readFileSync(join(folder, name), 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}

export function writeOffset(folder: string, name: OffsetName, offset: number): void {
  const path = join(folder, name)
  writeFileSync(`${path}.new`, String(offset))
  renameSync(`${path}.new`, path)
}
