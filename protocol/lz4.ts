import { ProtocolError } from './error.ts'

const MAGIC = 0x184d2204
const UNCOMPRESSED = 0x80000000
const MATCH_BYTES_MIN = 4
const flag = {
  blockChecksum: 0x10,
  contentSize: 0x08,
  contentChecksum: 0x04,
  dictionary: 0x01,
} as const

/**
 * The content of an LZ4 frame (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, and the block format
 * beside it). Our own, since lz4js believes every length that it reads: 40 changed bytes keep it busy for seconds.
 * Checksums are skipped: a record batch has its own.
 */
export function decompressLz4Frame(frame: Buffer, bytesMax: number): Buffer {
  const input = new Input(frame)
  const magic = input.uint32()
  if (magic !== MAGIC) throw corrupt(`expected the magic number ${MAGIC}, found ${magic}`)
  const flags = input.byte()
  if (flags >> 6 !== 1) throw corrupt(`expected version 1, found ${flags >> 6}`)
  const blockBytesMax = blockBytes((input.byte() >> 4) & 7)
  if (flags & flag.contentSize) input.skip(8)
  if (flags & flag.dictionary) input.skip(4)
  input.skip(1) // the header's checksum
  const output = new Output(bytesMax)
  for (let word = input.uint32(); word !== 0; word = input.uint32()) {
    const block = input.view(word & ~UNCOMPRESSED)
    output.reserve(blockBytesMax)
    if (word >= UNCOMPRESSED) output.append(block)
    else decompressBlock(block, output)
    if (flags & flag.blockChecksum) input.skip(4)
  }
  return output.finish()
}

/** A block is a list of: token, literals to take over, how far back to copy from, how much. The last has literals only. */
function decompressBlock(block: Buffer, output: Output): void {
  const input = new Input(block)
  while (input.left > 0) {
    const token = input.byte()
    output.append(input.view(input.length(token >> 4)))
    if (input.left === 0) return
    const distance = input.byte() | (input.byte() << 8)
    output.repeat(distance, input.length(token & 15) + MATCH_BYTES_MIN)
  }
}

class Input {
  private readonly bytes: Buffer
  private position = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get left(): number {
    return this.bytes.length - this.position
  }

  byte(): number {
    return this.bytes[this.skip(1)] as number
  }

  uint32(): number {
    return this.bytes.readUInt32LE(this.skip(4))
  }

  /** Four bits of the token, and for 15 all bytes up to the first that is not 255. */
  length(bits: number): number {
    let length = bits
    if (bits < 15) return length
    let byte = 255
    while (byte === 255) {
      byte = this.byte()
      length += byte
    }
    return length
  }

  view(length: number): Buffer {
    const start = this.skip(length)
    return this.bytes.subarray(start, start + length)
  }

  skip(length: number): number {
    const start = this.position
    if (length > this.left) throw new ProtocolError('truncated', 'an LZ4 frame is cut off')
    this.position = start + length
    return start
  }
}

class Output {
  private readonly bytesMax: number
  private bytes = Buffer.alloc(0)
  private length = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  reserve(length: number): void {
    const end = Math.min(this.length + length, this.bytesMax)
    if (end <= this.bytes.length) return
    const grown = Buffer.allocUnsafe(Math.min(Math.max(end, this.bytes.length * 2), this.bytesMax))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }

  append(literals: Buffer): void {
    this.length = this.room(literals.length)
    this.bytes.set(literals, this.length - literals.length)
  }

  repeat(distance: number, length: number): void {
    const { bytes, length: start } = this
    if (distance === 0 || distance > start)
      throw corrupt(`a match ${distance} bytes back, at byte ${start}`)
    const end = this.room(length)
    // A match may overlap what it writes, so that it repeats itself.
    if (distance >= length) bytes.copyWithin(start, start - distance, start - distance + length)
    else for (let at = start; at < end; at++) bytes[at] = bytes[at - distance] as number
    this.length = end
  }

  finish(): Buffer {
    return this.bytes.subarray(0, this.length)
  }

  private room(length: number): number {
    const end = this.length + length
    if (end <= this.bytes.length) return end
    if (end <= this.bytesMax) throw corrupt('a block is longer than the frame allows')
    throw new ProtocolError('too-large', `a batch decompresses to more than ${this.bytesMax} bytes`)
  }
}

function blockBytes(id: number): number {
  if (id < 4) throw corrupt(`unknown block size ${id}`)
  return 2 ** (8 + 2 * id)
}

function corrupt(found: string): ProtocolError {
  return new ProtocolError('corrupt', `not an LZ4 frame: ${found}`)
}
