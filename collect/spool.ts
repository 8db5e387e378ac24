import { mkdir } from 'node:fs/promises'
import type { Clock } from '../runtime/clock.ts'
import { SinkFull } from './sink.ts'
import { encodeFrame, recordsOf, type SpoolFrame } from './spool-frame.ts'
import { readPosition, type SpoolPosition, writePosition } from './spool-position.ts'
import { recoverSegments, type SpoolLogger } from './spool-recovery.ts'
import { SEGMENT_START, SpoolSegment, syncFolder } from './spool-segment.ts'

export interface SpoolOptions {
  readonly folder: string
  /** The most that its files may have together. */
  readonly bytesMax: number
  /** No file grows beyond this by a second append; 16 MiB, or an eighth of all where that is less. */
  readonly segmentBytes?: number
  readonly clock: Clock
  readonly logger: SpoolLogger
}

/** Records that lie one after the other in the spool. */
export interface SpoolPart {
  /** The place after them. */
  readonly end: SpoolPosition
  readonly records: number
  /** When the last of them was spooled, epoch ms. */
  readonly at: number
}

export interface SpoolRead extends SpoolPart {
  readonly frames: readonly SpoolFrame[]
}

const SEGMENT_BYTES = 16 * 1024 * 1024
const RETRY_AFTER_SECONDS = 30

/**
 * Records on the disk that wait for the brokers, first in first out: numbered files of frames, and a position that
 * says which are done. One caller appends, one at a time; another one reads and advances, one at a time.
 *
 * However the process ends, all whose `append` resolved is read again, in order, but for what was done: of that,
 * what the last call of `advance` was told may be read again, and after a power cut up to one file more.
 */
export class Spool {
  /** Records that are not done yet. */
  records = 0
  readonly #options: SpoolOptions
  readonly #segmentBytes: number
  #segments: SpoolSegment[] = []
  #position: SpoolPosition = { segment: 0, byte: SEGMENT_START }
  #nextNumber = 1
  /** Where the next append goes, if there is room in it. */
  #last: SpoolSegment | undefined
  #appending: Promise<unknown> | undefined
  /** When the record that was done last was spooled: the oldest that is left is hardly older. */
  #doneAt = 0

  private constructor(options: SpoolOptions) {
    this.#options = options
    const eighth = Math.ceil(options.bytesMax / 8)
    this.#segmentBytes = options.segmentBytes ?? Math.min(SEGMENT_BYTES, eighth)
  }

  /** Takes over what an earlier process left. Rejects with a `SpoolFormat`, or with the disk's error. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { folder, logger } = options
    const spool = new Spool(options)
    await mkdir(folder, { recursive: true })
    const found = await recoverSegments(folder, await readPosition(folder), logger)
    spool.#segments = found.segments
    spool.#position = found.position
    spool.#nextNumber = found.nextNumber
    spool.records = found.records
    return spool
  }

  /** What its files have together. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** How far the end is from what is done. */
  get bytesLeft(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.end - this.#from(segment), 0)
  }

  /** How long the oldest record has waited, ms; 0 when there is none. */
  get ageMs(): number {
    if (this.records === 0) return 0
    const oldest = Math.max(this.#segments[0]?.firstAt ?? 0, this.#doneAt)
    return Math.max(this.#options.clock.now() - oldest, 0)
  }

  /** Whether so many bytes more may come. */
  hasRoom(bytes: number): boolean {
    return this.bytes + bytes <= this.#options.bytesMax
  }

  /** Resolves once all are on the disk. Rejects with a `SinkFull`: then none of them will ever be read. */
  append(frames: readonly SpoolFrame[]): Promise<SpoolPart> {
    const appended = this.#append(frames)
    const settled = appended
      .catch(() => undefined) // told to who appends
      .then(() => {
        this.#appending = undefined
      })
    this.#appending = settled
    return appended
  }

  /** Resolves when no append is under way. */
  async settled(): Promise<void> {
    await this.#appending
  }

  async #append(frames: readonly SpoolFrame[]): Promise<SpoolPart> {
    const encoded = frames.flatMap(encodeFrame)
    const bytes = encoded.reduce((sum, each) => sum + each.length, 0)
    const at = frames.at(-1)?.at ?? 0
    if (!this.hasRoom(bytes)) throw this.full()
    try {
      const segment = await this.#segmentFor(bytes)
      await segment.append(encoded, at)
      const records = frames.reduce((sum, { batch }) => sum + recordsOf(batch), 0)
      this.records += records
      return { end: { segment: segment.number, byte: segment.end }, records, at }
    } catch (error) {
      await this.#giveUpLast()
      throw diskFailed(error)
    }
  }

  /** What is to be done next: whole frames of at most so many bytes, one at least; `undefined` when nothing is left. */
  async read(bytesMax: number): Promise<SpoolRead | undefined> {
    for (const segment of this.#segments) {
      const from = this.#from(segment)
      if (from === segment.end) continue
      const frames = await segment.read(from, bytesMax)
      const last = frames.at(-1)
      if (last === undefined) {
        this.#damaged(segment, from)
        continue
      }
      const records = frames.reduce((sum, frame) => sum + frame.records, 0)
      return { frames, records, at: last.at, end: { segment: segment.number, byte: last.end } }
    }
    return undefined
  }

  /** The next records, up to `end`, are done. What the disk refuses to remember of that is repeated after a restart. */
  async advance({ end, records, at }: SpoolPart): Promise<void> {
    this.#position = end
    this.records -= records
    this.#doneAt = at
    try {
      const done = this.#doneSegments()
      await writePosition(this.#options.folder, end, done.length > 0)
      for (const segment of done) await this.#remove(segment)
    } catch (error) {
      this.#options.logger.warn({ error }, 'the spool could not note what is drained')
    }
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) await segment.close()
  }

  full(): SinkFull {
    const megabytes = Math.round(this.#options.bytesMax / 2 ** 20)
    return new SinkFull(
      'spool_full',
      `the brokers are away, and the spool has reached its ${megabytes} MB: try again later`,
      RETRY_AFTER_SECONDS,
    )
  }

  /** Where reading it goes on. */
  #from({ number, end }: SpoolSegment): number {
    const { segment, byte } = this.#position
    if (number === segment) return Math.min(byte, end)
    return number < segment ? end : SEGMENT_START
  }

  async #segmentFor(bytes: number): Promise<SpoolSegment> {
    const last = this.#last
    if (last !== undefined && last.end + bytes <= this.#segmentBytes) return last
    if (last?.end === SEGMENT_START) return last
    const segment = new SpoolSegment(this.#options.folder, this.#nextNumber++)
    this.#last = segment
    this.#segments.push(segment)
    await segment.create()
    await syncFolder(this.#options.folder)
    return segment
  }

  /** The disk refused: nothing more goes into that file, and one that has nothing good in it goes away. */
  async #giveUpLast(): Promise<void> {
    const last = this.#last
    this.#last = undefined
    if (last === undefined || last.end > SEGMENT_START) return
    this.#segments = this.#segments.filter(each => each !== last)
    await last.remove().catch(() => undefined) // without a frame in it, the next start removes it
  }

  /** Nothing in them is left, and nothing more goes into them. */
  #doneSegments(): SpoolSegment[] {
    const busy = this.#appending === undefined ? undefined : this.#last
    const done = this.#segments.filter(each => each !== busy && this.#from(each) === each.end)
    if (this.#last !== undefined && done.includes(this.#last)) this.#last = undefined
    return done
  }

  async #remove(segment: SpoolSegment): Promise<void> {
    this.#segments = this.#segments.filter(each => each !== segment)
    if (segment.end < segment.bytes) await segment.putAside()
    else await segment.remove()
  }

  /** Its bytes are not what was written; without the lengths of frames nothing after them can be found. */
  #damaged(segment: SpoolSegment, from: number): void {
    const { folder } = this.#options
    const fields = { folder, segment: segment.number, byte: from, bytes: segment.end - from }
    this.#options.logger.error(fields, 'the disk has spoilt a part of the spool, which is left out')
    segment.end = from
    if (segment === this.#last) this.#last = undefined
  }
}

function diskFailed(error: unknown): SinkFull {
  const reason = error instanceof Error && 'code' in error ? ` (${error.code})` : ''
  return new SinkFull(
    'disk_failed',
    `the brokers are away, and the spool's disk refuses${reason}: try again later`,
    RETRY_AFTER_SECONDS,
    error,
  )
}
