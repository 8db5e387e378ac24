import type { AvroType } from './avro-schema.ts'

/** Bytes that are not what their schema says. */
export class BadAvro extends Error {
  override readonly name = 'BadAvro'
}

/**
 * An array of a thousand million nulls takes six bytes: a value has no more parts than so. (avsc ends its process
 * over that, which is why the reader is our own.)
 */
const partsMax = 1_000_000
const depthMax = 200
const decimalBytesMax = 64
const dayMs = 86_400_000

/**
 * Reads one value in Avro's binary encoding (https://avro.apache.org/docs/1.12.0/specification/#binary-encoding) as
 * JSON would say it: a union is its value, bytes and fixed are base64, an enum is its symbol. Times are epoch ms,
 * whatever they were written in; a date is `2026-11-22`, a decimal a number, a long beyond 2^53 its decimal text.
 *
 * @throws BadAvro
 */
export function readAvro(type: AvroType, bytes: Buffer): unknown {
  const reader = new AvroReader(bytes)
  const value = reader.read(type, 0)
  reader.end()
  return value
}

class AvroReader {
  readonly #bytes: Buffer
  #at = 0
  #parts = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  end(): void {
    const left = this.#bytes.length - this.#at
    if (left > 0) throw new BadAvro(`${left} bytes follow the value`)
  }

  read(type: AvroType, depth: number): unknown {
    if (++this.#parts > partsMax) throw new BadAvro(`it has more than ${partsMax} parts`)
    if (depth > depthMax) throw new BadAvro(`it is nested more than ${depthMax} deep`)
    switch (type.kind) {
      case 'null':
        return null
      case 'boolean':
        return this.#boolean()
      case 'int':
      case 'long':
        return timeOrNumber(this.#long(), type.logical)
      case 'float':
        return this.#bytes.readFloatLE(this.#skip(4))
      case 'double':
        return this.#bytes.readDoubleLE(this.#skip(8))
      case 'string':
        return this.#text()
      case 'bytes':
        return decimalOrBase64(this.#take(this.#size()), type.scale)
      case 'fixed':
        return fixedValue(this.#take(type.size), type)
      case 'enum':
        return this.#choose(type.symbols, 'symbol')
      case 'union':
        return this.read(this.#choose(type.branches, 'branch'), depth + 1)
      case 'array':
        return this.#array(type.items, depth)
      case 'map':
        return this.#map(type.items, depth)
      case 'record':
        return this.#record(type, depth)
    }
  }

  #record({ fields }: Extract<AvroType, { kind: 'record' }>, depth: number): unknown {
    const record: Record<string, unknown> = {}
    for (const { name, type } of fields) record[name] = this.read(type, depth + 1)
    return record
  }

  #array(items: AvroType, depth: number): unknown[] {
    const values: unknown[] = []
    for (let count = this.#block(); count > 0; count = this.#block())
      for (; count > 0; count--) values.push(this.read(items, depth + 1))
    return values
  }

  #map(items: AvroType, depth: number): unknown {
    const entries: [string, unknown][] = []
    for (let count = this.#block(); count > 0; count = this.#block())
      for (; count > 0; count--) entries.push([this.#text(), this.read(items, depth + 1)])
    return Object.fromEntries(entries) // also a key named __proto__ is only a key
  }

  /** How many items follow; a negative number is followed by their bytes, for readers that skip them. */
  #block(): number {
    const count = this.#long()
    if (count < 0) this.#long()
    return Number(count < 0 ? -count : count)
  }

  #choose<Choice>(choices: readonly Choice[], what: string): Choice {
    const index = Number(this.#long())
    const choice = choices[index]
    if (choice === undefined)
      throw new BadAvro(`${what} ${index} of ${choices.length} at byte ${this.#at}`)
    return choice
  }

  #boolean(): boolean {
    const byte = this.#bytes[this.#skip(1)]
    if (byte === 0 || byte === 1) return byte === 1
    throw new BadAvro(`expected a boolean at byte ${this.#at - 1}, found ${byte}`)
  }

  #text(): string {
    const size = this.#size()
    const from = this.#skip(size)
    return this.#bytes.toString('utf8', from, from + size)
  }

  #size(): number {
    const size = Number(this.#long())
    if (size < 0) throw new BadAvro(`a size of ${size} at byte ${this.#at}`)
    return size
  }

  #take(size: number): Buffer {
    const from = this.#skip(size)
    return this.#bytes.subarray(from, from + size)
  }

  /** Answers where it stood. */
  #skip(size: number): number {
    const from = this.#at
    if (size > this.#bytes.length - from)
      throw new BadAvro(
        `it ends at byte ${this.#bytes.length}, where ${size} more were expected from ${from}`,
      )
    this.#at += size
    return from
  }

  /** Zigzag, seven bits a byte. Numbers below 2^27 come without a BigInt. */
  #long(): number | bigint {
    let small = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#skip(1)] as number
      small |= (byte & 0x7f) << shift
      if (byte < 0x80) return (small >>> 1) ^ -(small & 1)
    }
    let large = BigInt(small)
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#skip(1)] as number
      large |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (large >> 1n) ^ -(large & 1n))
    }
    throw new BadAvro(`a number of more than ten bytes ends at byte ${this.#at}`)
  }
}

function timeOrNumber(value: number | bigint, logical: string | undefined): unknown {
  switch (logical) {
    case 'timestamp-millis':
    case 'local-timestamp-millis':
      return Number(value)
    case 'timestamp-micros':
    case 'local-timestamp-micros':
      return Math.floor(Number(value) / 1e3)
    case 'timestamp-nanos':
    case 'local-timestamp-nanos':
      return Number(BigInt(value) / 1_000_000n)
    case 'date':
      return dateOf(Number(value))
    default: {
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : String(value)
    }
  }
}

function dateOf(days: number): string {
  const ms = days * dayMs
  if (Math.abs(ms) > 8.64e15) throw new BadAvro(`a date ${days} days from 1970`)
  return new Date(ms).toISOString().slice(0, -14)
}

function fixedValue(bytes: Buffer, type: Extract<AvroType, { kind: 'fixed' }>): unknown {
  if (type.logical !== 'duration' || type.size !== 12) return decimalOrBase64(bytes, type.scale)
  return { months: bytes.readUInt32LE(0), days: bytes.readUInt32LE(4), ms: bytes.readUInt32LE(8) }
}

/** A decimal is a whole number of two's complement, big-endian, by ten to the power of its scale. */
function decimalOrBase64(bytes: Buffer, scale: number | undefined): unknown {
  if (scale === undefined) return bytes.toString('base64')
  if (bytes.length > decimalBytesMax)
    throw new BadAvro(`a decimal of ${bytes.length} bytes; at most ${decimalBytesMax} are read`)
  if (bytes.length === 0) return 0
  const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
  return Number(`${unscaled}e-${scale}`)
}
