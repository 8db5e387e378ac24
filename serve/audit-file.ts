import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const OWNER_ONLY = 0o600
const FOLDER_OWNER_ONLY = 0o700
const DAY_MS = 86_400_000
const NEWLINE = 0x0a
const NAME = /^audit-(\d{4}-\d\d-\d\d)\.ndjson$/

/** `2026-11-22`, in UTC. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/**
 * One day's lines, to which several processes append: the system puts each write at the end. What could not be written is
 * kept; a line that was cut off is written anew, on a line of its own, since another's may follow its beginning by then.
 */
export class AuditFile {
  readonly day: string
  readonly #path: string
  #handle: FileHandle | undefined
  #rest: Uint8Array = new Uint8Array()

  constructor(folder: string, day: string) {
    this.day = day
    this.#path = join(folder, `audit-${day}.ndjson`)
  }

  /** Whether an earlier call left something unwritten. */
  get behind(): boolean {
    return this.#rest.length > 0
  }

  /** Appends, after what is left of earlier calls. Rejects where the disk is full or away; then call it again, with ''. */
  async append(text: string): Promise<void> {
    if (text !== '') this.#rest = Buffer.concat([this.#rest, Buffer.from(text)])
    try {
      this.#handle ??= await openAtLine(this.#path)
      while (this.#rest.length > 0) {
        const { bytesWritten } = await this.#handle.write(this.#rest)
        this.#rest = unwritten(this.#rest, bytesWritten)
      }
    } catch (error) {
      await this.#drop()
      throw error
    }
  }

  /** Brings it to the disk. */
  async sync(): Promise<void> {
    await this.#handle?.datasync()
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.datasync()
    await handle?.close()
  }

  /** The disk may have been mounted anew when it is tried again. */
  async #drop(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close().catch(() => undefined) // of a file that cannot be written nothing else can be expected
  }
}

function unwritten(bytes: Uint8Array, written: number): Uint8Array {
  if (written === 0 || written === bytes.length) return bytes.subarray(written)
  const line = bytes.lastIndexOf(NEWLINE, written - 1) + 1
  if (line === written) return bytes.subarray(written)
  return Buffer.concat([Buffer.of(NEWLINE), bytes.subarray(line)])
}

/** The days that have a file, oldest first, with its path. A folder that is not there has none. */
export async function auditFiles(folder: string): Promise<{ day: string; path: string }[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .flatMap(name => {
      const day = NAME.exec(name)?.[1]
      return day === undefined ? [] : [{ day, path: join(folder, name) }]
    })
    .sort((one, other) => (one.day < other.day ? -1 : 1))
}

/** Deletes the files of days that ended more than `days` days ago. */
export async function forgetOld(folder: string, days: number, now: number): Promise<void> {
  const oldest = dayOf(now - days * DAY_MS)
  for (const { day, path } of await auditFiles(folder))
    if (day < oldest) await rm(path, { force: true })
}

export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: FOLDER_OWNER_ONLY })
}

/** A process that was killed may have left half a line; the next one begins on a line of its own. */
async function openAtLine(path: string): Promise<FileHandle> {
  const handle = await open(path, 'a+', OWNER_ONLY)
  try {
    const { size } = await handle.stat()
    const last = Buffer.alloc(1)
    if (size > 0) await handle.read(last, 0, 1, size - 1)
    if (size > 0 && last[0] !== NEWLINE) await handle.write('\n')
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}
