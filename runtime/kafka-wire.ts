import type { Broker } from './kafka-cluster.ts'
import { exchange } from './kafka-cluster.ts'

/**
 * Fetch and Produce, which kafkajs would take apart record by record: here record batches stay bytes.
 * Versions are the newest without flexible fields; Kafka 0.11 to 4.x and Redpanda speak them.
 * https://kafka.apache.org/protocol (Fetch v11, Produce v7)
 */

export interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly lastStableOffset: number
  readonly start: number
  readonly aborted: readonly { producerId: number; firstOffset: number }[]
  readonly records: Buffer
}

const bytesMaxOfAnswer = 32 * 1024 * 1024
const readCommitted = 1

/** One fetch of several partitions of one topic, from the broker that leads them. */
export async function fetch(
  broker: Broker,
  topic: string,
  partitions: readonly { partition: number; next: number }[],
  { waitMsMax, partitionBytesMax }: { waitMsMax: number; partitionBytesMax: number },
): Promise<FetchedPartition[]> {
  const out = new Out(64 + topic.length * 3 + partitions.length * 28)
  out.int32(-1).int32(waitMsMax).int32(1).int32(bytesMaxOfAnswer).int8(readCommitted)
  out.int32(0).int32(-1) // no fetch session
  out.int32(1).string(topic).int32(partitions.length)
  for (const { partition, next } of partitions) {
    out.int32(partition).int32(-1).int64(next).int64(-1).int32(partitionBytesMax)
  }
  out.int32(0).string('') // nothing forgotten, no rack
  const { fetched } = await exchange(
    broker,
    { apiKey: 1, apiVersion: 11, apiName: 'Fetch', body: out.bytes() },
    readFetchAnswer,
  )
  return fetched
}

function readFetchAnswer(answer: Buffer): { fetched: FetchedPartition[] } {
  const input = new In(answer)
  input.skip(4) // throttle time
  const errorCode = input.int16()
  input.skip(4) // session
  const fetched: FetchedPartition[] = []
  for (let topics = input.int32(); topics > 0; topics--) {
    input.string()
    for (let partitions = input.int32(); partitions > 0; partitions--) {
      const partition = input.int32()
      const partitionError = input.int16()
      input.skip(8) // high watermark
      const lastStableOffset = input.int64()
      const start = input.int64()
      const aborted: { producerId: number; firstOffset: number }[] = []
      for (let n = input.int32(); n > 0; n--)
        aborted.push({ producerId: input.int64(), firstOffset: input.int64() })
      input.skip(4) // preferred read replica
      const records = input.bytes()
      fetched.push({
        partition,
        errorCode: errorCode || partitionError,
        lastStableOffset,
        start,
        aborted,
        records,
      })
    }
  }
  return { fetched }
}

export interface ProduceTarget {
  readonly topic: string
  readonly partition: number
  /** One record batch, its producer's fields set. */
  readonly batch: Buffer
}

export interface Produced {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  /** -1 where the broker did not say. */
  readonly baseOffset: number
}

/** Sends at most one batch for each partition, and waits until all replicas have it (`acks` -1). */
export async function produce(
  broker: Broker,
  transactionalId: string | null,
  targets: readonly ProduceTarget[],
  timeoutMs: number,
): Promise<Produced[]> {
  const size = targets.reduce(
    (sum, { topic, batch }) => sum + batch.length + topic.length * 3 + 24,
    64 + (transactionalId?.length ?? 0) * 3,
  )
  const out = new Out(size)
  out.nullableString(transactionalId).int16(-1).int32(timeoutMs).int32(targets.length)
  for (const { topic, partition, batch } of targets)
    out.string(topic).int32(1).int32(partition).blob(batch)
  const { produced } = await exchange(
    broker,
    { apiKey: 0, apiVersion: 7, apiName: 'Produce', body: out.bytes() },
    readProduceAnswer,
  )
  return produced
}

function readProduceAnswer(answer: Buffer): { produced: Produced[] } {
  const input = new In(answer)
  const produced: Produced[] = []
  for (let topics = input.int32(); topics > 0; topics--) {
    const topic = input.string()
    for (let partitions = input.int32(); partitions > 0; partitions--) {
      const partition = input.int32()
      const errorCode = input.int16()
      const baseOffset = input.int64()
      input.skip(16) // log append time, log start
      produced.push({ topic, partition, errorCode, baseOffset })
    }
  }
  return { produced }
}

class Out {
  readonly #buffer: Buffer
  #position = 0

  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafe(size)
  }

  int8(value: number): this {
    this.#position = this.#buffer.writeInt8(value, this.#position)
    return this
  }
  int16(value: number): this {
    this.#position = this.#buffer.writeInt16BE(value, this.#position)
    return this
  }
  int32(value: number): this {
    this.#position = this.#buffer.writeInt32BE(value, this.#position)
    return this
  }
  int64(value: number): this {
    this.#position = this.#buffer.writeBigInt64BE(BigInt(value), this.#position)
    return this
  }
  string(value: string): this {
    const length = this.#buffer.write(value, this.#position + 2)
    this.int16(length)
    this.#position += length
    return this
  }
  nullableString(value: string | null): this {
    return value === null ? this.int16(-1) : this.string(value)
  }
  blob(value: Buffer): this {
    this.int32(value.length)
    this.#position += value.copy(this.#buffer, this.#position)
    return this
  }
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#position)
  }
}

class In {
  readonly #buffer: Buffer
  #position = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  skip(bytes: number): void {
    this.#position += bytes
  }
  int16(): number {
    this.#position += 2
    return this.#buffer.readInt16BE(this.#position - 2)
  }
  int32(): number {
    this.#position += 4
    return this.#buffer.readInt32BE(this.#position - 4)
  }
  int64(): number {
    this.#position += 8
    return Number(this.#buffer.readBigInt64BE(this.#position - 8))
  }
  string(): string {
    const length = this.int16()
    this.#position += length
    return this.#buffer.toString('utf8', this.#position - length, this.#position)
  }
  bytes(): Buffer {
    const length = Math.max(this.int32(), 0)
    this.#position += length
    return this.#buffer.subarray(this.#position - length, this.#position)
  }
}
