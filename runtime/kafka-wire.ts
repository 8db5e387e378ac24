import { Reader } from '../protocol/reader.ts'
import type { Broker } from './kafka-cluster.ts'
import { exchange } from './kafka-exchange.ts'

/**
 * Fetch and Produce, which kafkajs would take apart record by record: here record batches stay bytes.
 * Versions are the newest without flexible fields; Kafka 0.11 to 4.x and Redpanda speak them. An answer that
 * is cut or otherwise no answer is a `ProtocolError`.
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
const nothing = Buffer.alloc(0)

/** One fetch of several partitions of one topic, from the broker that leads them. */
export async function fetch(
  broker: Broker,
  topic: string,
  partitions: readonly { partition: number; next: number }[],
  { waitMsMax, partitionBytesMax }: { waitMsMax: number; partitionBytesMax: number },
): Promise<FetchedPartition[]> {
  const bytes = 64 + topic.length * 3 + partitions.length * 28
  return await exchange(
    broker,
    { apiKey: 1, apiVersion: 11, apiName: 'Fetch' },
    bytes,
    writer => {
      writer.int32(-1).int32(waitMsMax).int32(1).int32(bytesMaxOfAnswer).int8(readCommitted)
      writer.int32(0).int32(-1) // no fetch session
      writer
        .int32(1)
        .string(topic)
        .array(partitions, ({ partition, next }) => {
          writer.int32(partition).int32(-1).int64(next).int64(-1).int32(partitionBytesMax)
        })
      writer.int32(0).string('') // nothing forgotten, no rack
    },
    readFetchAnswer,
  )
}

function readFetchAnswer(answer: Buffer): FetchedPartition[] {
  const reader = new Reader(answer)
  reader.skip(4) // throttle time
  const errorCode = reader.int16()
  reader.skip(4) // session
  const topics = reader.array(() => {
    reader.string()
    return reader.array(each => readPartition(each, errorCode))
  })
  return topics.flat()
}

function readPartition(reader: Reader, errorOfAll: number): FetchedPartition {
  const partition = reader.int32()
  const errorOfPartition = reader.int16()
  reader.skip(8) // high watermark
  const lastStableOffset = reader.int64()
  const start = reader.int64()
  const aborted = reader.nullableArray(readAborted) ?? []
  reader.skip(4) // preferred read replica
  const records = reader.nullableBytes() ?? nothing
  const errorCode = errorOfAll || errorOfPartition
  return { partition, errorCode, lastStableOffset, start, aborted, records }
}

function readAborted(reader: Reader): { producerId: number; firstOffset: number } {
  return { producerId: reader.int64(), firstOffset: reader.int64() }
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
  const bytes = targets.reduce(
    (sum, { topic, batch }) => sum + batch.length + topic.length * 3 + 24,
    64 + (transactionalId?.length ?? 0) * 3,
  )
  return await exchange(
    broker,
    { apiKey: 0, apiVersion: 7, apiName: 'Produce' },
    bytes,
    writer => {
      writer.string(transactionalId).int16(-1).int32(timeoutMs)
      writer.array(targets, ({ topic, partition, batch }) =>
        writer.string(topic).int32(1).int32(partition).bytes(batch),
      )
    },
    readProduceAnswer,
  )
}

function readProduceAnswer(answer: Buffer): Produced[] {
  const reader = new Reader(answer)
  const topics = reader.array(() => {
    const topic = reader.string()
    return reader.array(() => {
      const partition = reader.int32()
      const errorCode = reader.int16()
      const baseOffset = reader.int64()
      reader.skip(16) // log append time, log start
      return { topic, partition, errorCode, baseOffset }
    })
  })
  return topics.flat()
}
