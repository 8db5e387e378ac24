import { apiKeys } from '../protocol/api-keys.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import { Writer } from '../protocol/writer.ts'
import { type Answer, type Api, type BrokerParts, type Request, refusal } from './api.ts'

const LATEST = -1
const EARLIEST = -2

interface Found {
  readonly partition: number
  readonly error: number
  readonly timestamp: number
  readonly offset: number
}

export const listOffsets: Api = {
  key: apiKeys.ListOffsets,
  min: 1,
  max: 5,

  answer({ reader, version }: Request, broker: BrokerParts): Answer {
    reader.int32() // replica id
    const committed = version >= 2 && reader.int8() === 1
    const topics = reader.array(each => {
      const topic = each.string()
      return { topic, partitions: each.array(one => find(one, topic, version, committed, broker)) }
    })
    const writer = new Writer()
    if (version >= 2) writer.int32(0)
    return writer.array(topics, ({ topic, partitions }) =>
      writer.string(topic).array(partitions, ({ partition, error, timestamp, offset }) => {
        writer.int32(partition).int16(error).int64(timestamp).int64(offset)
        if (version >= 4) writer.int32(error === errorCodes.NONE && offset >= 0 ? 0 : -1)
      }),
    )
  },
}

function find(
  reader: Reader,
  topic: string,
  version: number,
  committed: boolean,
  { topics }: BrokerParts,
): Found {
  const partition = reader.int32()
  if (version >= 4) reader.int32() // leader epoch
  const time = reader.int64()
  try {
    const log = topics.partition(topic, partition)
    const end = committed ? log.lastStableOffset : log.endOffset
    if (time === LATEST) return { partition, error: errorCodes.NONE, timestamp: -1, offset: end }
    if (time === EARLIEST)
      return { partition, error: errorCodes.NONE, timestamp: -1, offset: log.startOffset }
    const found = log.offsetAtTime(time)
    const { offset, timestamp } =
      found !== undefined && found.offset < end ? found : { offset: -1, timestamp: -1 }
    return { partition, error: errorCodes.NONE, timestamp, offset }
  } catch (error) {
    return { partition, error: refusal(error).number, timestamp: -1, offset: -1 }
  }
}
