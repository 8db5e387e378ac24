import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeFrame, type PlacedFrame } from './spool-frame.ts'

/** The first bytes of each file; a later format has another number. */
const MAGIC = Buffer.from('MRSPOOL1')
export const SEGMENT_START = MAGIC.length
const CHUNK_BYTES = 1024 * 1024
const SEGMENT_BYTES = 16 * 1024 * 1024

/** Of each file of a spool that may have so many in all. */
export const segmentBytesOf = (bytesMax: number): number =>
  Math.min(SEGMENT_BYTES, Math.ceil(bytesMax / 8))

/** The folder holds what this version cannot read. */
export class SpoolFormat extends Error {
  override readonly name = 'SpoolFormat'
  readonly code = 'spool_format'
}

/**
 * One file of the spool: its format, then frames, only ever added to.
 *
 *     MRSPOOL1 | length crc payload | length crc payload | …
 */
export class SpoolSegment {
  readonly number: number
  /** Where the last frame ends that is surely on the disk and good; reading ends here. */
  end = SEGMENT_START
  /** Of the whole file, with what may lie after `end`. */
  bytes = 0
  /** When its first record was spooled, epoch ms. */
  firstAt = Number.POSITIVE_INFINITY
  readonly #path: string
  /** Being opened, or open: two who need it at once get one. */
  #handle: Promise<FileHandle> | undefined
  #isSynced = true
  #syncing: Promise<void> | undefined

  constructor(folder: string, number: number) {
    this.number = number
    this.#path = join(folder, segmentName(number))
  }

  /** Makes the file; its folder's entry must be synced by the caller. */
  async create(): Promise<void> {
    const handle = await this.#open('wx+')
    await handle.write(MAGIC, 0, MAGIC.length, 0)
    this.bytes = MAGIC.length
  }

  /**
   * Goes through all frames of a file that was left here, in order, and sets `end` after the last good one.
   * Rejects with a `SpoolFormat`.
   */
  async recover(onFrame: (frame: PlacedFrame) => void): Promise<void> {
    const handle = await this.#open()
    this.#isSynced = false // an earlier process may not have done it
    this.bytes = (await handle.stat()).size
    const head = await readFully(handle, 0, Math.min(this.bytes, MAGIC.length))
    if (!MAGIC.subarray(0, head.length).equals(head)) {
      throw new SpoolFormat(
        `${this.#path} is no spool of this version: it begins with "${head.toString('latin1')}", not "${MAGIC}"; ` +
          'let the version that wrote it drain it, or move the file away',
      )
    }
    for (let frames: PlacedFrame[]; ; ) {
      frames = await this.#frames(this.end, CHUNK_BYTES, this.bytes)
      for (const frame of frames) {
        this.#took(frame)
        onFrame(frame)
      }
      if (frames.length === 0) return this.close()
    }
  }

  /**
   * Adds frames, and resolves once they are in the file; they are on the disk after `sync`. When it rejects, the file is
   * cut back to what was there before, as far as the disk still does anything; nothing may be added afterwards.
   */
  async append(bytes: readonly Buffer[], at: number, synced: boolean): Promise<void> {
    const handle = await this.#open()
    const total = bytes.reduce((sum, each) => sum + each.length, 0)
    try {
      const { bytesWritten } = await handle.writev([...bytes], this.end)
      if (bytesWritten !== total) throw new Error(`the disk took ${bytesWritten} of ${total} bytes`)
      if (synced) await handle.datasync()
    } catch (error) {
      this.bytes = this.end + total
      await handle.truncate(this.end).then(
        () => {
          this.bytes = this.end
        },
        () => undefined, // what is left there has no end, and is cut off at the next start
      )
      throw error
    }
    this.end += total
    this.bytes = this.end
    this.firstAt = Math.min(this.firstAt, at)
    this.#isSynced = synced
  }

  /** Resolves once all that was added is on the disk. */
  async sync(): Promise<void> {
    while (!this.#isSynced) {
      this.#syncing ??= this.#datasync()
      await this.#syncing
    }
  }

  async #datasync(): Promise<void> {
    const { end } = this
    try {
      await (await this.#open()).datasync()
      if (this.end === end) this.#isSynced = true
    } finally {
      this.#syncing = undefined
    }
  }

  /** Whole frames from a frame's start on: at most so many bytes of them, but one at least; none at the end. */
  read(from: number, bytesMax: number): Promise<PlacedFrame[]> {
    return this.#frames(from, bytesMax, this.end)
  }

  /** Cuts off what lies after the last good frame: nobody was told that it is safe. */
  async cutTail(): Promise<void> {
    const handle = await this.#open()
    await handle.truncate(this.end)
    await handle.datasync()
    this.bytes = this.end
  }

  /** Puts the file aside for a person to look at, under a name that the spool leaves alone. */
  async putAside(): Promise<void> {
    await this.close()
    await rename(this.#path, `${this.#path}.damaged`)
  }

  async remove(): Promise<void> {
    await this.close()
    await rm(this.#path, { force: true })
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await (await handle?.catch(() => undefined))?.close()
  }

  /** Good frames between two bytes of the file. */
  async #frames(from: number, bytesMax: number, limit: number): Promise<PlacedFrame[]> {
    const handle = await this.#open()
    const frames: PlacedFrame[] = []
    let bytes = await readFully(handle, from, Math.min(bytesMax, limit - from))
    for (let at = 0; ; ) {
      const frame = decodeFrame(bytes, at)
      if (frame === 'bad') return frames
      if ('cut' in frame) {
        if (frames.length > 0 || from + frame.cut > limit || frame.cut <= bytes.length)
          return frames
        bytes = await readFully(handle, from, frame.cut)
        continue
      }
      frames.push({ ...frame, end: from + frame.end })
      at = frame.end
    }
  }

  #took(frame: PlacedFrame): void {
    this.end = frame.end
    this.firstAt = Math.min(this.firstAt, frame.at)
  }

  #open(flags = 'r+'): Promise<FileHandle> {
    if (this.#handle !== undefined) return this.#handle
    const opening = open(this.#path, flags)
    this.#handle = opening
    opening.catch(() => {
      if (this.#handle === opening) this.#handle = undefined
    })
    return opening
  }
}

/** Lets a file's entry outlive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const suffix = '.spool'

const segmentName = (number: number): string => `${String(number).padStart(12, '0')}${suffix}`

/** `undefined` for a file that is none. */
export function segmentNumber(file: string): number | undefined {
  return new RegExp(`^\\d{12}\\${suffix}$`).test(file) ? Number.parseInt(file, 10) : undefined
}

async function readFully(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(Math.max(length, 0))
  let done = 0
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, from + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}
