import { mkdir } from 'node:fs/promises'
import type { Clock } from '../runtime/clock.ts'
import type { SinkFull } from './sink.ts'
import { diskFailed, spoolFull } from './spool-faults.ts'
import { encodeFrame, recordsOf, type SpoolFrame } from './spool-frame.ts'
import {
  PositionNotes,
  readPosition,
  type SpoolPart,
  type SpoolPosition,
} from './spool-position.ts'
import { recoverSegments, type SpoolLogger } from './spool-recovery.ts'
import { SEGMENT_START, SpoolSegment, segmentBytesOf, syncFolder } from './spool-segment.ts'

export interface SpoolOptions {
  readonly folder: string
  /** The most that its files may have together. */
  readonly bytesMax: number
  /** No file grows beyond this by a second append; 16 MiB, or an eighth of all where that is less. */
  readonly segmentBytes?: number
  readonly clock: Clock
  readonly logger: SpoolLogger
}

export interface SpoolRead extends SpoolPart {
  readonly frames: readonly SpoolFrame[]
}

/**
 * Records on the disk that wait for the brokers, first in first out: numbered files of frames, and a position that
 * says which are done. One caller appends, one at a time; another one reads and advances, one at a time.
 *
 * However the process ends, all whose `append` resolved is read again, in order, but for what was done: of that,
 * what the last call of `advance` was told may be read again (of `pass`, those of a tenth of a second), and after a
 * power cut whole files more.
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
  readonly #notes: PositionNotes
  /** When the record that was done last was spooled: the oldest that is left is hardly older. */
  #doneAt = 0

  private constructor(options: SpoolOptions) {
    this.#options = options
    this.#notes = new PositionNotes(options)
    this.#segmentBytes = options.segmentBytes ?? segmentBytesOf(options.bytesMax)
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

  /**
   * Resolves once all are on the disk, with all before them; with `synced` false, once they outlive this process.
   * Rejects with a `SinkFull`: then none of them will ever be read.
   */
  append(frames: readonly SpoolFrame[], { synced = true } = {}): Promise<SpoolPart> {
    const appended = this.#append(frames, synced)
    const settled = () => {
      this.#appending = undefined
    }
    this.#appending = appended.then(settled, settled) // what failed is told to who appends
    return appended
  }

  /** Resolves when no append is under way. */
  async settled(): Promise<void> {
    await this.#appending
  }

  async #append(frames: readonly SpoolFrame[], synced: boolean): Promise<SpoolPart> {
    const encoded = frames.flatMap(encodeFrame)
    const bytes = encoded.reduce((sum, each) => sum + each.length, 0)
    const at = frames.at(-1)?.at ?? 0
    if (!this.hasRoom(bytes)) throw this.full()
    try {
      const segment = await this.#segmentFor(bytes)
      if (synced) await this.sync()
      await segment.append(encoded, at, synced)
      const records = frames.reduce((sum, { batch }) => sum + recordsOf(batch), 0)
      if (this.records === 0) this.#doneAt = at
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
  async advance(part: SpoolPart): Promise<void> {
    this.#done(part)
    await this.tidy()
  }

  /**
   * As `advance`, but at once, and while more is appended: it is remembered ten times a second, so that after a crash
   * the last of it is read again.
   */
  pass(part: SpoolPart): void {
    this.#done(part)
    const passed = () => this.#segments.filter(each => each !== this.#last && this.#isDone(each))
    const remove = () => this.#remove(passed())
    this.#notes.soon(() => this.#position, remove)
  }

  /** Remembers all that is done, and lets go of the files that had it. */
  async tidy(): Promise<void> {
    await this.#notes.settled()
    if (this.#segments.length === 0) return
    const done = this.#doneSegments()
    const synced = done.length > 0
    await this.#notes.note(this.#position, { synced }, () => this.#remove(done))
  }

  /** Resolves once all that was appended is on the disk. */
  async sync(): Promise<void> {
    for (const segment of this.#segments) if (!this.#isDone(segment)) await segment.sync()
  }

  async close(): Promise<void> {
    await this.#notes.close()
    for (const segment of this.#segments) await segment.close()
  }

  full(): SinkFull {
    return spoolFull(this.#options.bytesMax)
  }

  #done({ end, records, at }: SpoolPart): void {
    this.#position = end
    this.records -= records
    this.#doneAt = at
  }

  #isDone(segment: SpoolSegment): boolean {
    return this.#from(segment) === segment.end
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
    const done = this.#segments.filter(each => each !== busy && this.#isDone(each))
    if (this.#last !== undefined && done.includes(this.#last)) this.#last = undefined
    return done
  }

  async #remove(segments: readonly SpoolSegment[]): Promise<void> {
    for (const segment of segments) {
      this.#segments = this.#segments.filter(each => each !== segment)
      if (segment.end < segment.bytes) await segment.putAside()
      else await segment.remove()
    }
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
