import { apiKeys } from '../protocol/api-keys.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import { Writer } from '../protocol/writer.ts'
import { type Answer, type Api, type BrokerParts, NODE_ID, type Request, refusal } from './api.ts'
import { KafkaError } from './kafka-error.ts'

/** `num.partitions` of a Kafka nobody has configured. */
const PARTITIONS_DEFAULT = 1

interface Outcome {
  readonly error: number
  readonly message: string | null
}

const DONE: Outcome = { error: errorCodes.NONE, message: null }

function outcome(work: () => void): Outcome {
  try {
    work()
    return DONE
  } catch (error) {
    const { number, message } = refusal(error)
    return { error: number, message }
  }
}

interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replicas: number
  readonly assignments: readonly { readonly partition: number; readonly nodes: readonly number[] }[]
  readonly overrides: Readonly<Record<string, string>>
}

export const createTopics: Api = {
  key: apiKeys.CreateTopics,
  min: 0,
  max: 4,

  answer({ reader, version }: Request, { topics }: BrokerParts): Answer {
    const asked = reader.array(readNewTopic)
    reader.int32() // time-out: nothing is waited for
    const validateOnly = version >= 1 && reader.boolean()
    const names = asked.map(each => each.name)
    const writer = new Writer()
    if (version >= 2) writer.int32(0)
    return writer.array([...new Set(asked)], each => {
      const { error, message } = outcome(() => {
        if (names.indexOf(each.name) !== names.lastIndexOf(each.name)) {
          throw new KafkaError('INVALID_REQUEST', 'Duplicate topic name.')
        }
        topics.create(each.name, partitionsOf(each), each.overrides, validateOnly)
      })
      writer.string(each.name).int16(error)
      if (version >= 1) writer.string(message)
    })
  },
}

function readNewTopic(reader: Reader): NewTopic {
  const name = reader.string()
  const partitions = reader.int32()
  const replicas = reader.int16()
  const assignments = reader.array(each => ({
    partition: each.int32(),
    nodes: each.array(one => one.int32()),
  }))
  const overrides: Record<string, string> = {}
  for (const [key, value] of reader.array(
    each => [each.string(), each.nullableString()] as const,
  )) {
    if (value !== null) overrides[key] = value
  }
  return { name, partitions, replicas, assignments, overrides }
}

function partitionsOf({ partitions, replicas, assignments }: NewTopic): number {
  if (assignments.length > 0) {
    if (assignments.every(({ nodes }) => nodes.length === 1 && nodes[0] === NODE_ID))
      return assignments.length
    throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `the only broker is ${NODE_ID}`)
  }
  if (replicas !== 1 && replicas !== -1) {
    const message = `Unable to replicate the partition ${replicas} time(s): only 1 broker(s) are registered.`
    throw new KafkaError('INVALID_REPLICATION_FACTOR', message)
  }
  return partitions === -1 ? PARTITIONS_DEFAULT : partitions
}

export const deleteTopics: Api = {
  key: apiKeys.DeleteTopics,
  min: 0,
  max: 3,

  answer({ reader, version }: Request, { topics, offsets, clock }: BrokerParts): Answer {
    const names = reader.array(each => each.string())
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    return writer.array(names, name => {
      const { error } = outcome(() => {
        topics.delete(name)
        offsets.forget((_, topic) => topic === name, clock.now())
      })
      writer.string(name).int16(error)
    })
  },
}

export const createPartitions: Api = {
  key: apiKeys.CreatePartitions,
  min: 0,
  max: 1,

  answer({ reader }: Request, { topics }: BrokerParts): Answer {
    const asked = reader.array(each => {
      const name = each.string()
      const count = each.int32()
      each.nullableArray(one => one.array(node => node.int32())) // replicas: there is one broker
      return { name, count }
    })
    reader.int32()
    const validateOnly = reader.boolean()
    const writer = new Writer().int32(0)
    return writer.array(asked, ({ name, count }) => {
      const { error, message } = outcome(() => topics.grow(name, count, validateOnly))
      writer.string(name).int16(error).string(message)
    })
  },
}

/** The end of the log, in DeleteRecords. */
const HIGH_WATERMARK = -1

export const deleteRecords: Api = {
  key: apiKeys.DeleteRecords,
  min: 0,
  max: 1,

  answer({ reader }: Request, { topics }: BrokerParts): Answer {
    const asked = reader.array(each => ({
      topic: each.string(),
      partitions: each.array(one => ({ partition: one.int32(), offset: one.int64() })),
    }))
    const writer = new Writer().int32(0)
    return writer.array(asked, ({ topic, partitions }) =>
      writer.string(topic).array(partitions, ({ partition, offset }) => {
        let start = -1
        const { error } = outcome(() => {
          const log = topics.partition(topic, partition)
          if (log.options.config()['cleanup.policy'] === 'compact') {
            throw new KafkaError(
              'POLICY_VIOLATION',
              `topic ${topic} is compacted, and not deleted from`,
            )
          }
          const before = offset === HIGH_WATERMARK ? log.endOffset : offset
          if (before < 0 || before > log.endOffset) {
            throw new KafkaError(
              'OFFSET_OUT_OF_RANGE',
              `the log ends at ${log.endOffset}, before ${before}`,
            )
          }
          log.deleteBefore(before)
          start = log.startOffset
        })
        writer.int32(partition).int64(start).int16(error)
      }),
    )
  },
}
