import { apiKeys } from '../protocol/api-keys.ts'
import { ProtocolError } from '../protocol/error.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import {
  type BatchHeader,
  checkBatch,
  RecordReader,
  readBatchHeader,
} from '../protocol/record-batch.ts'
import { Writer } from '../protocol/writer.ts'
import { type Answer, type Api, type BrokerParts, type Request, refusal } from './api.ts'
import { KafkaError } from './kafka-error.ts'
import type { PartitionLog } from './partition-log.ts'

const ZSTD = 4

interface Written {
  readonly topic: string
  readonly partitions: readonly WrittenPartition[]
}

interface WrittenPartition {
  readonly partition: number
  readonly error: number
  readonly baseOffset: number
  readonly appendTime: number
  readonly startOffset: number
  readonly message: string | null
}

export const produce: Api = {
  key: apiKeys.Produce,
  min: 3,
  max: 8,
  // Kafka 4 says 0 too, though it refuses these versions: librdkafka compresses nothing where it does not see them.
  advertisedMin: 0,

  answer(request: Request, broker: BrokerParts): Answer {
    const { reader, version } = request
    const transactionalId = reader.nullableString()
    const acks = reader.int16()
    reader.int32() // time-out: nothing is waited for
    const validAcks = acks === 0 || acks === 1 || acks === -1
    const topics = reader.array(each =>
      readTopic(each, version, transactionalId, validAcks, broker),
    )
    if (acks === 0) return undefined
    return new Writer()
      .array(topics, (topic, writer) => writeTopic(topic, version, writer))
      .int32(0)
  },
}

/** Appends while it reads, so that a request's partitions are gone through once. */
function readTopic(
  reader: Reader,
  version: number,
  transactionalId: string | null,
  validAcks: boolean,
  broker: BrokerParts,
): Written {
  const topic = reader.string()
  const partitions = reader.array(each => {
    const partition = each.int32()
    const records = each.nullableBytes()
    try {
      if (!validAcks) throw new KafkaError('INVALID_REQUIRED_ACKS', 'acks is 0, 1 or -1')
      const log = broker.topics.partition(topic, partition)
      const header = soundBatch(records, log, version, broker.clock.now())
      verify(log, header, transactionalId, topic, partition, broker)
      const { baseOffset, appendTime } = log.append(records as Buffer, header)
      return {
        partition,
        error: errorCodes.NONE,
        baseOffset,
        appendTime,
        startOffset: log.startOffset,
        message: null,
      }
    } catch (error) {
      const { number, message } = refusal(error)
      return { partition, error: number, baseOffset: -1, appendTime: -1, startOffset: -1, message }
    }
  })
  return { topic, partitions }
}

/** The only batch of a partition in a request, if it is one that may be stored. */
function soundBatch(
  records: Buffer | null,
  log: PartitionLog,
  version: number,
  now: number,
): BatchHeader {
  const config = log.options.config()
  const header = headerOf(records)
  if (records === null || header.byteLength !== records.length || header.control) {
    throw new KafkaError('INVALID_RECORD', 'expected exactly one record batch of data')
  }
  if (header.byteLength > config['max.message.bytes']) {
    const message = `a batch of ${header.byteLength} bytes, more than max.message.bytes ${config['max.message.bytes']}`
    throw new KafkaError('MESSAGE_TOO_LARGE', message)
  }
  const problem = checkBatch(records, header)
  if (problem !== undefined) throw new KafkaError('CORRUPT_MESSAGE', problem)
  if (header.compression === ZSTD && version < 7) {
    throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', 'zstd needs Produce version 7')
  }
  if (header.recordCount !== header.lastOffset - header.baseOffset + 1 || header.recordCount < 1) {
    throw new KafkaError('INVALID_RECORD', `${header.recordCount} records for other many offsets`)
  }
  checkRecords(records, header, {
    needsKeys: config['cleanup.policy'].includes('compact'),
    timestampMax:
      config['message.timestamp.type'] === 'CreateTime'
        ? now + config['message.timestamp.after.max.ms']
        : undefined,
  })
  return header
}

function headerOf(records: Buffer | null): BatchHeader {
  try {
    const header = records === null ? undefined : readBatchHeader(records, 0)
    if (header !== undefined) return header
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    if (error.code === 'unsupported') throw new KafkaError('INVALID_RECORD', error.message)
    throw new KafkaError('CORRUPT_MESSAGE', error.message)
  }
  throw new KafkaError('INVALID_RECORD', 'expected a whole record batch')
}

/** Every record can be read; consumers would stop at one that cannot. */
function checkRecords(
  batch: Buffer,
  header: BatchHeader,
  rule: { needsKeys: boolean; timestampMax: number | undefined },
): void {
  let expected = header.baseOffset
  try {
    const reader = new RecordReader(batch)
    while (reader.next()) {
      if (reader.offset !== expected++)
        throw new KafkaError('INVALID_RECORD', `offset delta ${reader.offset}`)
      if (rule.needsKeys && reader.key() === null) {
        throw new KafkaError('INVALID_RECORD', 'a compacted topic takes no record without a key')
      }
      if (rule.timestampMax !== undefined && reader.timestamp > rule.timestampMax) {
        throw new KafkaError(
          'INVALID_TIMESTAMP',
          `timestamp ${reader.timestamp} is later than ${rule.timestampMax}`,
        )
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    throw new KafkaError('INVALID_RECORD', error.message)
  }
}

/** A producer's first batch of a transaction here is believed only if the coordinator knows of it (KIP-890). */
function verify(
  log: PartitionLog,
  header: BatchHeader,
  transactionalId: string | null,
  topic: string,
  partition: number,
  { transactions }: BrokerParts,
): void {
  if (!header.transactional || log.producers.isOpen(header.producerId)) return
  const producer = { producerId: header.producerId, epoch: header.producerEpoch }
  try {
    transactions.verify(transactionalId, producer, { topic, partition })
  } catch (error) {
    if (error instanceof KafkaError && error.code === 'PRODUCER_FENCED') {
      throw new KafkaError('INVALID_PRODUCER_EPOCH', error.message)
    }
    throw error
  }
}

function writeTopic({ topic, partitions }: Written, version: number, writer: Writer): void {
  writer.string(topic).array(partitions, each => {
    writer.int32(each.partition).int16(each.error).int64(each.baseOffset).int64(each.appendTime)
    if (version >= 5) writer.int64(each.startOffset)
    if (version >= 8) writer.int32(0).string(each.message)
  })
}
