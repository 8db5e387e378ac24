import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../runtime/clock.ts'
import type { SpoolLogger } from './spool-recovery.ts'
import { syncFolder } from './spool-segment.ts'

/** A place between two frames of the spool. */
export interface SpoolPosition {
  readonly segment: number
  /** From the start of the segment's file. */
  readonly byte: number
}

/** Records that lie one after the other in the spool. */
export interface SpoolPart {
  /** The place after them. */
  readonly end: SpoolPosition
  readonly records: number
  /** When the last of them was spooled, epoch ms. */
  readonly at: number
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

const NOTE_EVERY_MS = 100

interface NotesOptions {
  readonly folder: string
  readonly clock: Clock
  readonly logger: SpoolLogger
}

/** Remembers a spool's position, with one write at a time. What the disk refuses is told, and no more. */
export class PositionNotes {
  readonly #options: NotesOptions
  #later: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()
  #now = new AbortController()
  #closed = false

  constructor(options: NotesOptions) {
    this.#options = options
  }

  /** Writes it, and then does what may only be done with what lies before it; after those that were asked for before. */
  note(
    position: SpoolPosition,
    { synced }: { readonly synced: boolean },
    afterwards: () => Promise<void>,
  ): Promise<void> {
    this.#last = this.#last.then(() => this.#note(position, synced, afterwards))
    return this.#last
  }

  async #note(
    position: SpoolPosition,
    synced: boolean,
    afterwards: () => Promise<void>,
  ): Promise<void> {
    const { folder, logger } = this.#options
    try {
      await writePosition(folder, position, synced)
      await afterwards()
    } catch (error) {
      logger.warn({ error }, 'the spool could not note what is drained')
    }
  }

  /** As `note`, in a moment, for all that the position becomes until then. */
  soon(position: () => SpoolPosition, afterwards: () => Promise<void>): void {
    this.#later ??= this.#noteLater(position, afterwards).then(() => {
      this.#later = undefined
    })
  }

  async #noteLater(position: () => SpoolPosition, afterwards: () => Promise<void>): Promise<void> {
    let noted: SpoolPosition | undefined
    while (!this.#closed && noted !== position()) {
      await this.#options.clock.sleep(NOTE_EVERY_MS, this.#now.signal)
      noted = position()
      if (!this.#closed) await this.note(noted, { synced: false }, afterwards)
    }
  }

  /** Resolves when nothing is to be written any more. */
  async settled(): Promise<void> {
    this.#now.abort('now') // a word: without, Node makes an error with its stack
    await this.#later
    await this.#last
    this.#now = new AbortController()
  }

  /** Writes nothing more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.settled()
  }
}

/**
 * Whole or not at all, whenever the process dies. After a power cut it may be an older one, or none; but with `synced`
 * none that is older than this.
 */
async function writePosition(
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
