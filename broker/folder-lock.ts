import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { BrokerError } from './broker-error.ts'

/**
 * Keeps every other process out of `folder` until the answer is called or this process ends, however it ends:
 * the lock is the one that an empty LevelDB holds, which the operating system lets go of.
 * Throws a `BrokerError` that names the holder.
 */
export async function lockFolder(folder: string, now: number): Promise<() => Promise<void>> {
  mkdirSync(folder, { recursive: true })
  const ownerPath = join(folder, 'owner')
  const lock = new ClassicLevel(join(folder, 'lock'))
  try {
    await lock.open()
  } catch (error) {
    if (!isLocked(error)) throw error
    const message = `the broker's folder ${folder} is in use by ${readOwner(ownerPath)}: stop that one, or give another folder`
    throw new BrokerError('folder-locked', message, error)
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
