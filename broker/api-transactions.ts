import { apiKeys } from '../protocol/api-keys.ts'
import { type ErrorCode, errorCodes } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import { Writer } from '../protocol/writer.ts'
import { type Answer, type Api, type BrokerParts, errorOf, type Request, refusal } from './api.ts'
import { KafkaError } from './kafka-error.ts'
import { OffsetCommits, readTopicCommits } from './offset-commits.ts'
import type { ProducerIdentity } from './transaction.ts'

export const initProducerId: Api = {
  key: apiKeys.InitProducerId,
  min: 0,
  max: 1,

  answer({ reader }: Request, { transactions }: BrokerParts): Answer {
    const id = reader.nullableString()
    const timeoutMs = reader.int32()
    let producer: ProducerIdentity = { producerId: -1, epoch: -1 }
    const error = errorOf(() => {
      producer = transactions.initialize(id, timeoutMs)
    })
    return new Writer().int32(0).int16(error).int64(producer.producerId).int16(producer.epoch)
  },
}

export const addPartitionsToTxn: Api = {
  key: apiKeys.AddPartitionsToTxn,
  min: 0,
  max: 2,

  answer({ reader, version }: Request, { transactions, topics }: BrokerParts): Answer {
    const id = reader.string()
    const producer = readProducer(reader)
    const asked = reader.array(each => ({
      topic: each.string(),
      partitions: each.array(one => one.int32()),
    }))
    const all = asked.flatMap(({ topic, partitions }) =>
      partitions.map(partition => ({ topic, partition })),
    )
    const isKnown = (topic: string, partition: number) =>
      topics.get(topic)?.partitions[partition] !== undefined
    const known = all.every(({ topic, partition }) => isKnown(topic, partition))
    const error = known ? errorOf(() => transactions.add(id, producer, all)) : errorCodes.NONE
    const errorAt = (topic: string, partition: number) => {
      if (known) return fencedFor(version, error)
      return isKnown(topic, partition)
        ? errorCodes.OPERATION_NOT_ATTEMPTED
        : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    }
    const writer = new Writer().int32(0)
    return writer.array(asked, ({ topic, partitions }) =>
      writer
        .string(topic)
        .array(partitions, partition => writer.int32(partition).int16(errorAt(topic, partition))),
    )
  },
}

export const addOffsetsToTxn: Api = {
  key: apiKeys.AddOffsetsToTxn,
  min: 0,
  max: 2,

  answer({ reader, version }: Request, { transactions }: BrokerParts): Answer {
    const id = reader.string()
    const producer = readProducer(reader)
    reader.string() // the group: what is held is found by the producer's id
    const error = errorOf(() => transactions.add(id, producer, []))
    return new Writer().int32(0).int16(fencedFor(version, error))
  },
}

export const endTxn: Api = {
  key: apiKeys.EndTxn,
  min: 0,
  max: 2,

  answer({ reader, version }: Request, { transactions }: BrokerParts): Answer {
    const id = reader.string()
    const producer = readProducer(reader)
    const type = reader.boolean() ? 'commit' : 'abort'
    const error = errorOf(() => transactions.end(id, producer, type))
    return new Writer().int32(0).int16(fencedFor(version, error))
  },
}

export const txnOffsetCommit: Api = {
  key: apiKeys.TxnOffsetCommit,
  min: 0,
  max: 2,

  answer({ reader, version }: Request, broker: BrokerParts): Answer {
    const id = reader.string()
    const group = reader.string()
    const producer = readProducer(reader)
    const topics = readTopicCommits(reader, version >= 2)
    const refused = errorOf(() => checkTransaction(id, group, producer, broker))
    const commits = new OffsetCommits(topics, refused, broker)
    broker.offsets.hold(producer.producerId, group, commits.accepted, broker.clock.now())
    return commits.writeErrors(new Writer().int32(0))
  },
}

function checkTransaction(
  id: string,
  group: string,
  producer: ProducerIdentity,
  { transactions }: BrokerParts,
): void {
  if (group === '') throw new KafkaError('INVALID_GROUP_ID', 'an empty group id')
  try {
    transactions.verify(id, producer)
  } catch (error) {
    const problem = refusal(error)
    throw problem.code === 'PRODUCER_FENCED'
      ? new KafkaError('INVALID_PRODUCER_EPOCH', problem.message)
      : problem
  }
}

function readProducer(reader: Reader): ProducerIdentity {
  return { producerId: reader.int64(), epoch: reader.int16() }
}

/** PRODUCER_FENCED came with version 2 of these requests; before it the same was INVALID_PRODUCER_EPOCH. */
function fencedFor(version: number, error: ErrorCode): ErrorCode {
  return version < 2 && error === errorCodes.PRODUCER_FENCED
    ? errorCodes.INVALID_PRODUCER_EPOCH
    : error
}
