import {
  closeSync,
  constants,
  fsync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  batchField,
  decodeHeader,
  LOG_OVERHEAD_BYTES,
} from '../protocol/batch-header.ts'
import { checkBatch, readBatchHeader } from '../protocol/record-batch.ts'
import { OffsetIndex } from './offset-index.ts'
import { type Aborted, indexPath, segmentName } from './segment-names.ts'

/** Read at once while looking for a batch: some tens of small batches, or the header of a large one. */
const SCAN_BYTES = 64 * 1024
/** Read at once when all of a segment is gone through. */
const COPY_BYTES = 1024 * 1024

/**
 * One file of a partition's log: record batches, one after the other, as they came. What is in memory is a sparse
 * index and the aborted transactions whose markers lie here, never records.
 *
 * Reads and writes are synchronous: they go to and from the operating system's page cache in microseconds, and an
 * append is then one step that nothing can come between.
 */
export class Segment {
  path: string
  readonly baseOffset: number
  readonly index = new OffsetIndex()
  aborted: Aborted[] = []
  byteLength = 0
  /** −1 below `baseOffset` when empty. */
  lastOffset: number
  maxTimestamp = -1
  /** Of the record batch that has it. */
  maxTimestampOffset = -1
  /** Wall time of the first append; segments roll by age. */
  firstAppendAt = -1
  private descriptor: number | undefined
  private removed = false

  constructor(folder: string, baseOffset: number, suffix = '.log') {
    this.path = join(folder, segmentName(baseOffset) + suffix)
    this.baseOffset = baseOffset
    this.lastOffset = baseOffset - 1
  }

  get nextOffset(): number {
    return this.lastOffset + 1
  }

  /** Writes a batch whose offsets are final. When the disk refuses, what was written of it is cut off again. */
  append(batch: Buffer, header: BatchHeader, now: number): void {
    const file = this.file()
    try {
      for (let written = 0; written < batch.length; ) {
        written += writeSync(
          file,
          batch,
          written,
          batch.length - written,
          this.byteLength + written,
        )
      }
    } catch (error) {
      ftruncateSync(file, this.byteLength)
      throw error
    }
    if (this.firstAppendAt < 0) this.firstAppendAt = now
    this.note(header, this.byteLength)
    this.byteLength += batch.length
  }

  /** Where the first batch begins that reaches `offset`; the file's end when none does. */
  positionOf(offset: number): number {
    if (offset > this.lastOffset) return this.byteLength
    return (
      this.find(this.index.before(offset), header => header.lastOffset >= offset)?.position ??
      this.byteLength
    )
  }

  /** The first batch, from `offset` on, with a timestamp of at least `time`. */
  batchAtTime(time: number, offset: number): BatchHeader | undefined {
    if (this.maxTimestamp < time) return undefined
    const start = Math.max(this.index.beforeTime(time), this.index.before(offset))
    return this.find(start, header => header.maxTimestamp >= time && header.lastOffset >= offset)
  }

  /** The first batch from `position` on that is wanted. */
  find(position: number, wanted: (header: BatchHeader) => boolean): BatchHeader | undefined {
    let chunk: Buffer = Buffer.alloc(0)
    let chunkStart = position
    for (let at = position; at < this.byteLength; ) {
      if (at - chunkStart + BATCH_HEADER_BYTES > chunk.length) {
        chunk = this.read(at, SCAN_BYTES)
        chunkStart = at
        if (chunk.length < BATCH_HEADER_BYTES) return undefined
      }
      const header = headerAt(chunk, at - chunkStart)
      if (wanted(header)) return { ...header, position: at }
      at += header.byteLength
    }
    return undefined
  }

  /** Up to `bytes` bytes from `position` on. */
  read(position: number, bytes: number): Buffer {
    const length = Math.min(bytes, this.byteLength - position)
    const buffer = Buffer.allocUnsafe(Math.max(length, 0))
    let done = 0
    while (done < length) {
      const got = readSync(this.file(), buffer, done, length - done, position + done)
      if (got === 0) break
      done += got
    }
    return buffer.subarray(0, done)
  }

  /** All batches, as they are now. Ends early when the segment is removed meanwhile. */
  *batches(): Generator<{ readonly batch: Buffer; readonly header: BatchHeader }> {
    const end = this.byteLength
    for (let at = 0; at < end && !this.removed; ) {
      let chunk = this.read(at, COPY_BYTES)
      const first = LOG_OVERHEAD_BYTES + chunk.readInt32BE(batchField.length)
      if (first > chunk.length) chunk = this.read(at, first)
      for (
        let header = readBatchHeader(chunk, 0);
        header;
        header = readBatchHeader(chunk, header.position + header.byteLength)
      ) {
        const batch = chunk.subarray(header.position, header.position + header.byteLength)
        yield { batch, header: { ...header, position: 0 } }
        at += batch.length
      }
    }
  }

  /**
   * Reads the file from `position` (a batch's start) to its end, checks every batch and shows it to `visit`.
   * The reason why it stopped before the file's end, if it did: what follows is not a sound log.
   */
  recover(
    position: number,
    fileBytes: number,
    visit: (batch: Buffer, header: BatchHeader) => void,
  ): string | undefined {
    this.byteLength = fileBytes
    let at = position
    let problem: string | undefined
    while (at < fileBytes) {
      const batch = this.batchAt(at)
      if (typeof batch === 'string') {
        problem = `${batch} at byte ${at} of ${this.path}`
        break
      }
      const header = readBatchHeader(batch, 0) as BatchHeader
      if (header.baseOffset <= this.lastOffset) {
        problem = `offset ${header.baseOffset} after ${this.lastOffset} at byte ${at} of ${this.path}`
        break
      }
      this.note(header, at)
      visit(batch, header)
      at += batch.length
    }
    this.byteLength = at
    return problem
  }

  /** Forgets everything after the last sound batch, also on disk. */
  cutTail(): void {
    ftruncateSync(this.file(), this.byteLength)
  }

  sync(): void {
    if (this.descriptor !== undefined) fsyncSync(this.descriptor)
  }

  /** As `sync`, without holding anybody up; the segment must not be closed before it ends. */
  syncLater(): Promise<void> {
    const file = this.file()
    return new Promise((resolve, reject) =>
      fsync(file, error => (error ? reject(error) : resolve())),
    )
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor)
    this.descriptor = undefined
  }

  /** Closes for good: nothing may open the file again by its name, which may be another's by then. */
  retire(): void {
    this.close()
    this.removed = true
  }

  remove(): void {
    this.retire()
    rmSync(this.path, { force: true })
    rmSync(indexPath(this.path), { force: true })
  }

  /** Renames the file; an open descriptor goes on to mean the same bytes. */
  moveTo(path: string): void {
    renameSync(this.path, path)
    this.path = path
  }

  private note(header: BatchHeader, position: number): void {
    this.index.add(header.baseOffset, position, this.maxTimestamp)
    this.lastOffset = header.lastOffset
    if (header.maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = header.maxTimestamp
      this.maxTimestampOffset = header.lastOffset
    }
  }

  private batchAt(position: number): Buffer | string {
    const head = this.read(position, BATCH_HEADER_BYTES)
    if (head.length < BATCH_HEADER_BYTES) return `a batch of ${head.length} bytes`
    const byteLength = LOG_OVERHEAD_BYTES + head.readInt32BE(batchField.length)
    if (head[batchField.magic] !== 2 || byteLength < BATCH_HEADER_BYTES) return 'no record batch'
    if (position + byteLength > this.byteLength) return 'a batch that is cut off'
    const batch = this.read(position, byteLength)
    return checkBatch(batch, decodeHeader(batch, 0, byteLength)) ?? batch
  }

  private file(): number {
    if (this.removed) throw new Error(`${this.path} was removed`)
    this.descriptor ??= openSync(this.path, constants.O_RDWR | constants.O_CREAT)
    return this.descriptor
  }
}

function headerAt(chunk: Buffer, at: number): BatchHeader {
  return decodeHeader(chunk, at, LOG_OVERHEAD_BYTES + chunk.readInt32BE(at + batchField.length))
}
