import { type ErrorCode, errorCodes } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import type { Writer } from '../protocol/writer.ts'
import { type BrokerParts, errorOf } from './api.ts'
import type { OffsetCommit } from './committed-offsets.ts'
import { KafkaError } from './kafka-error.ts'

/** `offset.metadata.max.bytes` */
const METADATA_BYTES_MAX = 4096

/**
 * The offsets of a request that commits some, plainly or in a transaction: OffsetCommit and TxnOffsetCommit have
 * them, and the errors of their answers, in the same form.
 */
export class OffsetCommits {
  /** Those that may be committed. */
  readonly accepted: readonly OffsetCommit[]
  private readonly topics: readonly TopicCommits[]
  private readonly errors: ReadonlyMap<OffsetCommit, ErrorCode>

  /** `refused` is why none may be committed, or NONE. */
  constructor(topics: readonly TopicCommits[], refused: ErrorCode, broker: BrokerParts) {
    const commits = topics.flatMap(each => each.commits)
    const none = refused !== errorCodes.NONE
    this.topics = topics
    this.errors = new Map(
      commits.map(each => [each, none ? refused : errorOf(() => check(each, broker))]),
    )
    this.accepted = commits.filter(each => this.errors.get(each) === errorCodes.NONE)
  }

  /** Each partition with its error. */
  writeErrors(writer: Writer): Writer {
    return writer.array(this.topics, ({ topic, commits }) =>
      writer
        .string(topic)
        .array(commits, each =>
          writer.int32(each.partition).int16(this.errors.get(each) ?? errorCodes.NONE),
        ),
    )
  }
}

export interface TopicCommits {
  readonly topic: string
  readonly commits: readonly OffsetCommit[]
}

export function readTopicCommits(reader: Reader, hasLeaderEpoch: boolean): TopicCommits[] {
  return reader.array(each => {
    const topic = each.string()
    const commits = each.array(() => ({
      topic,
      partition: each.int32(),
      offset: each.int64(),
      leaderEpoch: hasLeaderEpoch ? each.int32() : -1,
      metadata: each.nullableString() ?? '',
    }))
    return { topic, commits }
  })
}

/** Throws when the offset cannot be committed: no such partition, or too much metadata. */
function check({ topic, partition, metadata }: OffsetCommit, { topics }: BrokerParts): void {
  topics.partition(topic, partition)
  if (Buffer.byteLength(metadata) <= METADATA_BYTES_MAX) return
  throw new KafkaError(
    'OFFSET_METADATA_TOO_LARGE',
    `metadata of more than ${METADATA_BYTES_MAX} bytes`,
  )
}
