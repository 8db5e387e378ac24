import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of a few megabytes, in memory, that can be full. */
export interface SmallDisk {
  readonly folder: string
  /** Leaves no room, to the last page. */
  fill(): void
  empty(): Promise<void>
  unmount(): void
}

/** Answers why it cannot be, where this process may not mount anything. */
export function mountSmallDisk(megabytes: number): SmallDisk | string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-small-disk-'))
  const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'millrace-test', folder]
  const { status, stderr, error } = spawnSync('mount', options, { encoding: 'utf8' })
  if (status !== 0) {
    rmSync(folder, { recursive: true })
    return `a small disk cannot be mounted here (${error?.message ?? stderr.trim()}): only root may, on Linux`
  }
  const ballast = join(folder, 'ballast')
  return {
    folder,
    fill() {
      const file = openSync(ballast, 'a')
      const page = Buffer.alloc(4_096, 1)
      try {
        for (;;) writeSync(file, page)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        closeSync(file)
      }
    },
    empty: () => rm(ballast),
    unmount() {
      spawnSync('umount', ['-l', folder])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
