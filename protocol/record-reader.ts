import { BATCH_HEADER_BYTES, type BatchHeader, readBatchHeader } from './batch-header.ts'
import { DECOMPRESSED_BYTES_MAX, decompress } from './compression.ts'
import { ProtocolError } from './error.ts'
import { asBuffer } from './reader.ts'

/**
 * Goes through the records of batches that lie one after the other, as a fetch answers them:
 *
 *     const reader = new RecordReader(bytes)
 *     while (reader.next()) use(reader.offset, reader.timestamp, reader.key(), reader.value())
 *
 * Control batches are passed over, a batch that is cut off ends it. Keys and values are views into the bytes
 * (or into what was decompressed), good for as long as those are. Throws a `ProtocolError` for records that
 * contradict their batch; it does not check checksums.
 *
 * Hot path: numbers of the current record are fields, so nothing is allocated per record but the views asked for.
 */
export class RecordReader {
  /** Of the current record. */
  offset = -1
  /** Epoch ms: the append time in a topic with LogAppendTime, else the producer's. */
  timestamp = -1

  /** Where the current record's value lies: good as long as `value()` is. Both ends are the same where there is none. */
  source: Buffer
  valueStart = 0
  valueEnd = 0

  private readonly bytes: Buffer
  private readonly decompressedBytesMax: number
  private nextBatch = 0
  private batch: BatchHeader | undefined
  private recordsLeft = 0
  private sourceEnd = 0
  private position = 0
  private recordEnd = 0
  private tailStart = 0
  private keyStart = 0
  private keyBytes = -1
  private valueBytes = -1

  constructor(bytes: Uint8Array, options: { decompressedBytesMax?: number } = {}) {
    this.bytes = asBuffer(bytes)
    this.source = this.bytes
    this.decompressedBytesMax = options.decompressedBytesMax ?? DECOMPRESSED_BYTES_MAX
  }

  /** Moves to the next record; false when there is none. */
  next(): boolean {
    while (this.recordsLeft === 0) if (!this.openBatch()) return false
    const batch = this.batch as BatchHeader
    this.recordsLeft--
    if (this.position >= this.sourceEnd) throw this.corrupt('a record is missing')
    const length = this.varint()
    const start = this.position
    this.recordEnd = start + length
    if (length < 1 || this.recordEnd > this.sourceEnd)
      throw this.corrupt(`a record of ${length} bytes`)
    this.position = start + 1 // attributes: none is defined
    const timestampDelta = this.varint()
    this.offset = batch.baseOffset + this.varint()
    this.timestamp =
      batch.timestampType === 'append' ? batch.maxTimestamp : batch.baseTimestamp + timestampDelta
    this.tailStart = this.position
    this.keyBytes = this.varint()
    this.keyStart = this.position
    if (this.keyBytes > 0) this.position += this.keyBytes
    if (this.position > this.recordEnd) throw this.corrupt(`a key of ${this.keyBytes} bytes`)
    this.valueBytes = this.varint()
    this.valueStart = this.position
    if (this.valueBytes > 0) this.position += this.valueBytes
    this.valueEnd = this.position
    if (this.position > this.recordEnd) throw this.corrupt(`a value of ${this.valueBytes} bytes`)
    this.position = this.recordEnd
    return true
  }

  /** The header of the current record's batch. */
  header(): BatchHeader | undefined {
    return this.batch
  }

  key(): Buffer | null {
    return this.keyBytes < 0
      ? null
      : this.source.subarray(this.keyStart, this.keyStart + this.keyBytes)
  }

  value(): Buffer | null {
    return this.valueBytes < 0 ? null : this.source.subarray(this.valueStart, this.valueEnd)
  }

  /** The key as UTF-8. */
  keyString(): string | null {
    return this.keyBytes < 0
      ? null
      : this.source.toString('utf8', this.keyStart, this.keyStart + this.keyBytes)
  }

  /** Cheaper than to read them. */
  hasHeaders(): boolean {
    return this.source[this.valueEnd] !== 0
  }

  /** In the record's order; a name may come twice, and a null value reads as empty. */
  headers(): [name: string, value: Buffer][] {
    this.position = this.valueEnd
    const headers: [string, Buffer][] = []
    for (let count = this.varint(); count > 0; count--) {
      const name = this.sized().toString('utf8')
      headers.push([name, this.sized()])
    }
    this.position = this.recordEnd
    return headers
  }

  /** Key, value and headers as they are encoded: all of the record that does not depend on its batch. */
  tail(): Buffer {
    return this.source.subarray(this.tailStart, this.recordEnd)
  }

  private openBatch(): boolean {
    const header = readBatchHeader(this.bytes, this.nextBatch)
    if (header === undefined) return false
    this.nextBatch += header.byteLength
    if (header.control || header.recordCount <= 0) return true
    const start = header.position + BATCH_HEADER_BYTES
    this.batch = header
    this.recordsLeft = header.recordCount
    if (header.compression === 0) {
      this.source = this.bytes
      this.position = start
      this.sourceEnd = this.nextBatch
    } else {
      const compressed = this.bytes.subarray(start, this.nextBatch)
      this.source = decompress(header.compression, compressed, this.decompressedBytesMax)
      this.position = 0
      this.sourceEnd = this.source.length
    }
    return true
  }

  private sized(): Buffer {
    const length = Math.max(this.varint(), 0)
    const start = this.position
    this.position = start + length
    if (this.position > this.recordEnd) throw this.corrupt(`a header of ${length} bytes`)
    return this.source.subarray(start, this.position)
  }

  /** Zig-zag. Up to 28 bits with integer arithmetic, which is nearly all there is; more with doubles. */
  private varint(): number {
    const { source } = this
    let position = this.position
    let byte = source[position++] as number
    let raw = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 63 || position >= this.sourceEnd) throw this.corrupt('a number without an end')
      byte = source[position++] as number
      raw = shift < 28 ? raw | ((byte & 0x7f) << shift) : raw + (byte & 0x7f) * 2 ** shift
    }
    this.position = position
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
  }

  private corrupt(found: string): ProtocolError {
    const { batch } = this
    const where = `in the batch of offsets ${batch?.baseOffset} to ${batch?.lastOffset}`
    return new ProtocolError('corrupt', `${found} ${where}`)
  }
}
