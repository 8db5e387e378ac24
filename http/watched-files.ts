import { stat } from 'node:fs/promises'
import type { BaseLogger } from 'pino'
import type { Clock } from '../runtime/clock.ts'

export interface WatchOptions<Content> {
  readonly paths: readonly string[]
  /** Rejects where the files cannot be used; then what was read before stays. */
  readonly read: () => Promise<Content>
  /** Called with each content after the first. */
  readonly changed?: (content: Content) => void
  readonly clock: Clock
  readonly logger: Pick<BaseLogger, 'info' | 'error'>
}

export interface Watched<Content> {
  /** As the files were when they were last right. */
  readonly current: Content
  /** Looks whether the files have changed, now. Never rejects: the log says what is wrong. */
  reload(): Promise<void>
  close(): void
}

/** A key that is taken out of its file opens nothing after this time at the latest. */
const LOOK_EVERY_MS = 2_000

/**
 * Reads files, and again whenever they change. It looks at their times and sizes, since notices of the operating
 * system do not come from network disks and from what Kubernetes mounts. Rejects as the first `read` does.
 */
export async function watchFiles<Content>(
  options: WatchOptions<Content>,
): Promise<Watched<Content>> {
  const { paths, read, changed, clock, logger } = options
  let seen = await standing(paths)
  let current = await read()
  let reading: Promise<void> | undefined

  const look = async () => {
    const now = await standing(paths)
    if (now === seen) return
    seen = now
    try {
      current = await read()
      changed?.(current)
      logger.info({ files: paths }, 'read again, since it changed')
    } catch (error) {
      logger.error(
        { error, files: paths },
        'it changed and cannot be used: what was read before stays',
      )
    }
  }
  const reload = () => {
    reading ??= look().finally(() => {
      reading = undefined
    })
    return reading
  }
  const stop = clock.every(LOOK_EVERY_MS, reload)
  return {
    get current() {
      return current
    },
    reload,
    close: stop,
  }
}

/** Another text whenever one of the files is another one, or has been written to. */
async function standing(paths: readonly string[]): Promise<string> {
  const each = paths.map(async path => {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(path)
      return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
    } catch (error) {
      return String(error)
    }
  })
  return (await Promise.all(each)).join('; ')
}
