import { apiKeys } from '../protocol/api-keys.ts'
import { ProtocolError } from '../protocol/error.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import { Reader } from '../protocol/reader.ts'
import { Writer } from '../protocol/writer.ts'
import type { Answer, Api, BrokerParts, Request } from './api.ts'
import { alterConfigs, describeConfigs, incrementalAlterConfigs } from './api-configs.ts'
import { fetch } from './api-fetch.ts'
import {
  deleteGroups,
  describeGroups,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  syncGroup,
} from './api-groups.ts'
import { listOffsets } from './api-list-offsets.ts'
import { findCoordinator, metadata } from './api-metadata.ts'
import { offsetCommit, offsetFetch } from './api-offsets.ts'
import { produce } from './api-produce.ts'
import { createPartitions, createTopics, deleteRecords, deleteTopics } from './api-topics.ts'
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  endTxn,
  initProducerId,
  txnOffsetCommit,
} from './api-transactions.ts'

const apiVersions: Api = {
  key: apiKeys.ApiVersions,
  min: 0,
  max: 3,
  answer: ({ version }) => writeApiVersions(version, errorCodes.NONE),
}

const apis: readonly Api[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  addPartitionsToTxn,
  addOffsetsToTxn,
  endTxn,
  txnOffsetCommit,
  describeConfigs,
  alterConfigs,
  createPartitions,
  deleteGroups,
  incrementalAlterConfigs,
]

const byKey = new Map(apis.map(api => [api.key, api]))

/**
 * Answers one request, the frame without its length. The pieces of the answer, its length not among them, or
 * undefined where none is wanted. Throws a `ProtocolError` for what is no request that is spoken here: the
 * connection has to be closed, as Kafka does.
 */
export async function dispatch(
  frame: Buffer,
  client: Pick<Request, 'host' | 'gone' | 'memory'>,
  broker: BrokerParts,
): Promise<readonly Uint8Array[] | undefined> {
  const reader = new Reader(frame)
  const key = reader.int16()
  const version = reader.int16()
  const correlationId = reader.int32()
  const clientId = reader.nullableString() ?? ''
  const api = byKey.get(key)
  if (api === undefined) throw new ProtocolError('unsupported', `request ${key} is not known`)
  const header = new Writer(16).int32(correlationId)
  if (version < api.min || version > api.max) {
    // The one request whose unknown version is answered, in its oldest form, so that a client can step down.
    if (api === apiVersions)
      return pieces(header, writeApiVersions(0, errorCodes.UNSUPPORTED_VERSION))
    throw new ProtocolError(
      'unsupported',
      `version ${version} of request ${key}; ${api.min} to ${api.max} are spoken`,
    )
  }
  if (key === apiKeys.ApiVersions && version >= 3) reader.tags()
  if (key === apiKeys.OffsetFetch && version >= 6) {
    reader.tags()
    header.tags()
  }
  const answer = await api.answer({ version, reader, clientId, ...client }, broker)
  return answer === undefined ? undefined : pieces(header, answer)
}

function pieces(header: Writer, answer: Exclude<Answer, undefined>): Uint8Array[] {
  return answer instanceof Writer
    ? [header.finish(), answer.finish()]
    : [header.finish(), ...answer]
}

function writeApiVersions(version: number, error: number): Writer {
  const writer = new Writer(512).int16(error)
  const writeApi = ({ key, min, max, advertisedMin }: Api) => {
    writer
      .int16(key)
      .int16(advertisedMin ?? min)
      .int16(max)
    if (version >= 3) writer.tags()
  }
  if (version >= 3) writer.compactArray(apis, writeApi)
  else writer.array(apis, writeApi)
  if (version >= 1) writer.int32(0)
  return version >= 3 ? writer.tags() : writer
}
