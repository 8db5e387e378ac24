import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'

/** Another process uses the folder; the message names it. */
export class FolderLocked extends Error {
  override readonly name = 'FolderLocked'
  readonly code = 'folder-locked'
}

/**
 * Keeps every other process out of `folder` until the answer is called or this process ends, however it ends:
 * the lock is the one that an empty LevelDB holds, which the operating system lets go of.
 * `whose`: such as "the broker's"; `remedy`: what else the person can do. Throws a `FolderLocked`.
 */
export async function lockFolder(
  folder: string,
  now: number,
  { whose, remedy }: { readonly whose: string; readonly remedy: string },
): Promise<() => Promise<void>> {
  mkdirSync(folder, { recursive: true })
  const ownerPath = join(folder, 'owner')
  const lock = new ClassicLevel(join(folder, 'lock'))
  try {
    await lock.open()
  } catch (error) {
    if (!isLocked(error)) throw error
    const holder = readOwner(ownerPath)
    throw new FolderLocked(
      `${whose} folder ${folder} is in use by ${holder}: stop that one, or ${remedy}`,
      {
        cause: error,
      },
    )
  }
  writeFileSync(ownerPath, `process ${process.pid}, since ${new Date(now).toISOString()}`)
  return () => lock.close()
}

function isLocked(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED'
}

function readOwner(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return `another process (${error instanceof Error ? error.message : error})`
  }
}
