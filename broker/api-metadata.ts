import { apiKeys } from '../protocol/api-keys.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import { Writer } from '../protocol/writer.ts'
import { type Answer, type Api, type BrokerParts, NODE_ID, type Request } from './api.ts'
import type { Topic } from './topics.ts'

const LEADER_EPOCH_UNKNOWN = -1
const NO_AUTHORIZED_OPERATIONS = -0x80000000

export const metadata: Api = {
  key: apiKeys.Metadata,
  min: 0,
  max: 8,

  answer({ reader, version }: Request, broker: BrokerParts): Answer {
    const asked = reader.nullableArray(each => each.string())
    const all = asked === null || (version === 0 && asked.length === 0)
    const names = all ? [...broker.topics.list()].map(topic => topic.name) : asked
    const { host, port } = broker.address()
    const writer = new Writer()
    if (version >= 3) writer.int32(0)
    writer.array([NODE_ID], node => {
      writer.int32(node).string(host).int32(port)
      if (version >= 1) writer.string(null)
    })
    if (version >= 2) writer.string(broker.clusterId)
    if (version >= 1) writer.int32(NODE_ID)
    writer.array(names, name => writeTopic(name, broker.topics.get(name), version, writer))
    if (version >= 8) writer.int32(NO_AUTHORIZED_OPERATIONS)
    return writer
  },
}

function writeTopic(name: string, topic: Topic | undefined, version: number, writer: Writer): void {
  const valid = /^[a-zA-Z0-9._-]{1,249}$/.test(name)
  const missing = valid ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.INVALID_TOPIC_EXCEPTION
  writer.int16(topic === undefined ? missing : errorCodes.NONE).string(name)
  if (version >= 1) writer.boolean(false)
  const partitions = topic?.partitions ?? []
  writer.array([...partitions.keys()], partition => {
    writer.int16(errorCodes.NONE).int32(partition).int32(NODE_ID)
    if (version >= 7) writer.int32(LEADER_EPOCH_UNKNOWN)
    writer.array([NODE_ID], node => writer.int32(node)).array([NODE_ID], node => writer.int32(node))
    if (version >= 5) writer.int32(0) // no offline replicas
  })
  if (version >= 8) writer.int32(NO_AUTHORIZED_OPERATIONS)
}

/** Every group and every transactional id is coordinated here. */
export const findCoordinator: Api = {
  key: apiKeys.FindCoordinator,
  min: 0,
  max: 2,

  answer({ reader, version }: Request, broker: BrokerParts): Answer {
    reader.string()
    const kind = version >= 1 ? reader.int8() : 0
    const { host, port } = broker.address()
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    const known = kind === 0 || kind === 1
    writer.int16(known ? errorCodes.NONE : errorCodes.INVALID_REQUEST)
    if (version >= 1) writer.string(known ? null : `unknown coordinator type ${kind}`)
    return writer
      .int32(known ? NODE_ID : -1)
      .string(known ? host : '')
      .int32(known ? port : -1)
  },
}
