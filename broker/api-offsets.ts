import { apiKeys } from '../protocol/api-keys.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import { Writer } from '../protocol/writer.ts'
import { type Answer, type Api, type BrokerParts, errorOf, type Request } from './api.ts'
import type { OffsetCommit } from './committed-offsets.ts'
import { OffsetCommits, readTopicCommits } from './offset-commits.ts'

export const offsetCommit: Api = {
  key: apiKeys.OffsetCommit,
  min: 2,
  max: 7,

  answer({ reader, version }: Request, broker: BrokerParts): Answer {
    const group = reader.string()
    const generation = reader.int32()
    const member = reader.string()
    if (version >= 7) reader.nullableString() // static membership is not spoken
    if (version <= 4) reader.int64() // retention: the broker's own
    const topics = readTopicCommits(reader, version >= 6)
    const refused = errorOf(() => broker.groups.checkCommit(group, generation, member))
    const commits = new OffsetCommits(topics, refused, broker)
    broker.offsets.commit(group, commits.accepted, broker.clock.now())
    const writer = new Writer()
    if (version >= 3) writer.int32(0)
    return commits.writeErrors(writer)
  },
}

/**
 * From version 6 on flexible; from 7 on a client can ask for stable offsets, which an open transaction that is
 * about to change them makes UNSTABLE_OFFSET_COMMIT.
 */
export const offsetFetch: Api = {
  key: apiKeys.OffsetFetch,
  min: 1,
  max: 7,

  answer({ reader, version }: Request, { offsets }: BrokerParts): Answer {
    const flexible = version >= 6
    const group = flexible ? reader.compactString() : reader.string()
    const readTopic = (each: Reader) => {
      const topic = flexible ? each.compactString() : each.string()
      const partitions = flexible
        ? each.compactArray(one => one.int32())
        : each.array(one => one.int32())
      if (flexible) each.tags()
      return { topic, partitions }
    }
    const asked = flexible
      ? reader.compactNullableArray(readTopic)
      : reader.nullableArray(readTopic)
    const stable = version >= 7 && reader.boolean()
    const topics = asked ?? everyTopic(offsets.list(group))
    const writer = new Writer()
    if (version >= 3) writer.int32(0)
    const writePartition = (topic: string, partition: number) => {
      const unstable = stable && offsets.isPending(group, topic, partition)
      const found = unstable ? undefined : offsets.get(group, topic, partition)
      writer.int32(partition).int64(found?.offset ?? -1)
      if (version >= 5) writer.int32(found?.leaderEpoch ?? -1)
      if (flexible) writer.compactString(found?.metadata ?? '')
      else writer.string(found?.metadata ?? '')
      writer.int16(unstable ? errorCodes.UNSTABLE_OFFSET_COMMIT : errorCodes.NONE)
      if (flexible) writer.tags()
    }
    const writeTopic = ({
      topic,
      partitions,
    }: {
      topic: string
      partitions: readonly number[]
    }) => {
      if (!flexible)
        return writer.string(topic).array(partitions, each => writePartition(topic, each))
      return writer
        .compactString(topic)
        .compactArray(partitions, each => writePartition(topic, each))
        .tags()
    }
    if (flexible) writer.compactArray(topics, writeTopic)
    else writer.array(topics, writeTopic)
    if (version >= 2) writer.int16(errorCodes.NONE)
    return flexible ? writer.tags() : writer
  },
}

function everyTopic(commits: readonly OffsetCommit[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of commits)
    topics.set(topic, [...(topics.get(topic) ?? []), partition])
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}
