import zlib from 'node:zlib'
import { Decompress } from 'fzstd'
import snappy from 'snappyjs'
import { ProtocolError } from './error.ts'
import { decompressLz4Frame } from './lz4.ts'
import { asBuffer } from './reader.ts'

/** The codec in the lowest bits of a batch's attributes: none, gzip, snappy, lz4 (frames), zstd. */
export type Compression = 0 | 1 | 2 | 3 | 4

export const compressionNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export const DECOMPRESSED_BYTES_MAX = 64 * 1024 * 1024

/**
 * The content of the records section of one batch. Throws a `ProtocolError`: `corrupt` for bytes that are not
 * of this codec, `too-large` above `bytesMax`, which no codec allocates beyond.
 */
export function decompress(
  compression: Compression,
  compressed: Uint8Array,
  bytesMax: number = DECOMPRESSED_BYTES_MAX,
): Buffer {
  try {
    return asBuffer(decoders[compression](compressed, bytesMax))
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    if (hasCode(error, 'ERR_BUFFER_TOO_LARGE')) throw tooLarge(bytesMax)
    const name = compressionNames[compression]
    throw new ProtocolError(
      'corrupt',
      `${compressed.length} bytes are not ${name}: ${error}`,
      error,
    )
  }
}

type Decoder = (compressed: Uint8Array, bytesMax: number) => Uint8Array

const decoders: Record<Compression, Decoder> = {
  0: content => content,
  1: (compressed, maxOutputLength) => zlib.gunzipSync(compressed, { maxOutputLength }),
  2: decompressSnappy,
  3: (compressed, bytesMax) => decompressLz4Frame(asBuffer(compressed), bytesMax),
  4: nativeZstd() ?? decompressZstd,
}

/** Node has zstd of its own from 22.15 on. */
function nativeZstd(): Decoder | undefined {
  const native: unknown = Reflect.get(zlib, 'zstdDecompressSync')
  if (typeof native !== 'function') return undefined
  return (compressed, maxOutputLength) => native(compressed, { maxOutputLength })
}

/** Java's snappy-java writes the content in chunks: this header, version and compatible version, then (int32 length, raw snappy)*. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

/** librdkafka and kafkajs write raw snappy, the Java client xerial's frames. */
function decompressSnappy(compressed: Uint8Array, bytesMax: number): Uint8Array {
  const buffer = asBuffer(compressed)
  if (!buffer.subarray(0, XERIAL.length).equals(XERIAL)) return rawSnappy(buffer, bytesMax)
  const chunks: Uint8Array[] = []
  let total = 0
  let position = XERIAL_HEADER_BYTES
  while (position < buffer.length) {
    const start = position + 4
    if (start > buffer.length) throw new ProtocolError('truncated', 'a snappy chunk has no length')
    const end = start + buffer.readUInt32BE(position)
    if (end > buffer.length) throw new ProtocolError('truncated', 'a snappy chunk is cut off')
    const chunk = rawSnappy(buffer.subarray(start, end), bytesMax - total)
    chunks.push(chunk)
    total += chunk.length
    position = end
  }
  return Buffer.concat(chunks, total)
}

function rawSnappy(compressed: Buffer, bytesMax: number): Uint8Array {
  let announced = 0
  for (let at = 0; at < 5; at++) {
    const byte = compressed[at] ?? 0
    announced += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) break
  }
  if (announced > bytesMax) throw tooLarge(bytesMax)
  return snappy.uncompress(compressed)
}

function decompressZstd(compressed: Uint8Array, bytesMax: number): Uint8Array {
  if (zstdWindow(compressed) > bytesMax) throw tooLarge(bytesMax)
  const chunks: Uint8Array[] = []
  let total = 0
  const stream = new Decompress(chunk => {
    total += chunk.length
    if (total > bytesMax) throw tooLarge(bytesMax)
    chunks.push(chunk.slice())
  })
  stream.push(compressed, true)
  return Buffer.concat(chunks, total)
}

/** The memory that a frame asks for before its first block (RFC 8878, 3.1.1.1): its window, or the content when that is one segment. */
function zstdWindow(frame: Uint8Array): number {
  const [, , , , descriptor = 0, window = 0] = frame
  const singleSegment = (descriptor & 0x20) !== 0
  if (singleSegment) return zstdContent(asBuffer(frame), descriptor)
  const base = 2 ** (10 + (window >> 3))
  return base + (base / 8) * (window & 7)
}

function zstdContent(frame: Buffer, descriptor: number): number {
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0
  const bytes = [1, 2, 4, 8][descriptor >> 6] ?? 1
  const start = 5 + dictionaryBytes
  if (start + bytes > frame.length) throw new ProtocolError('truncated', 'a zstd frame is cut off')
  if (bytes === 8) return Number(frame.readBigUInt64LE(start))
  return frame.readUIntLE(start, bytes) + (bytes === 2 ? 256 : 0)
}

function tooLarge(bytesMax: number): ProtocolError {
  return new ProtocolError('too-large', `a batch decompresses to more than ${bytesMax} bytes`)
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
