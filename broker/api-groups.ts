import { apiKeys } from '../protocol/api-keys.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import { Writer } from '../protocol/writer.ts'
import { type Answer, type Api, type BrokerParts, errorOf, type Request, refusal } from './api.ts'
import { type Joined, type Member, type Synced, unjoined, unsynced } from './group-member.ts'

export const joinGroup: Api = {
  key: apiKeys.JoinGroup,
  min: 0,
  max: 5,

  async answer(
    { reader, version, clientId, host }: Request,
    { groups }: BrokerParts,
  ): Promise<Answer> {
    const group = reader.string()
    const sessionMs = reader.int32()
    const rebalanceMs = version >= 1 ? reader.int32() : sessionMs
    const memberId = reader.string()
    if (version >= 5) reader.nullableString() // static membership is not spoken
    const protocolType = reader.string()
    // Copies: they outlive the request's buffer.
    const protocols = reader.array(each => ({
      name: each.string(),
      metadata: Buffer.from(each.bytes()),
    }))
    const request = {
      memberId,
      clientId,
      host,
      sessionMs,
      rebalanceMs,
      protocolType,
      protocols,
      knowsMemberIds: version >= 4,
    }
    const joined = await groups
      .join(group, request)
      .catch((error: unknown): Joined => unjoined(refusal(error).number, memberId))
    const writer = new Writer()
    if (version >= 2) writer.int32(0)
    writer
      .int16(joined.error)
      .int32(joined.generation)
      .string(joined.protocol)
      .string(joined.leader)
      .string(joined.memberId)
    return writer.array(joined.members, each => {
      writer.string(each.memberId)
      if (version >= 5) writer.string(null)
      writer.bytes(each.metadata)
    })
  },
}

export const syncGroup: Api = {
  key: apiKeys.SyncGroup,
  min: 0,
  max: 3,

  async answer({ reader, version }: Request, { groups }: BrokerParts): Promise<Answer> {
    const group = reader.string()
    const generation = reader.int32()
    const memberId = reader.string()
    if (version >= 3) reader.nullableString()
    const assignments = new Map(
      reader.array((each): [string, Buffer] => [each.string(), each.bytes()]),
    )
    const synced = await groups
      .sync(group, memberId, generation, assignments)
      .catch((error: unknown): Synced => unsynced(refusal(error).number))
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    return writer.int16(synced.error).bytes(synced.assignment)
  },
}

export const heartbeat: Api = {
  key: apiKeys.Heartbeat,
  min: 0,
  max: 3,

  answer({ reader, version }: Request, { groups }: BrokerParts): Answer {
    const group = reader.string()
    const generation = reader.int32()
    const memberId = reader.string()
    const error = errorOf(() => groups.heartbeat(group, memberId, generation))
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    return writer.int16(error)
  },
}

export const leaveGroup: Api = {
  key: apiKeys.LeaveGroup,
  min: 0,
  max: 3,

  answer({ reader, version }: Request, { groups }: BrokerParts): Answer {
    const group = reader.string()
    if (version < 3) {
      const memberId = reader.string()
      const error = errorOf(() => groups.leave(group, memberId))
      const writer = new Writer()
      if (version >= 1) writer.int32(0)
      return writer.int16(error)
    }
    const left = reader.array(each => {
      const memberId = each.string()
      const instanceId = each.nullableString()
      return { memberId, instanceId, error: errorOf(() => groups.leave(group, memberId)) }
    })
    const writer = new Writer().int32(0).int16(errorCodes.NONE)
    return writer.array(left, each =>
      writer.string(each.memberId).string(each.instanceId).int16(each.error),
    )
  },
}

export const describeGroups: Api = {
  key: apiKeys.DescribeGroups,
  min: 0,
  max: 4,

  answer({ reader, version }: Request, { groups }: BrokerParts): Answer {
    const ids = reader.array(each => each.string())
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    return writer.array(ids, id => {
      const group = groups.get(id)
      const protocol = group?.protocol ?? ''
      const members = [...(group?.members.values() ?? [])]
      writer
        .int16(errorCodes.NONE)
        .string(id)
        .string(group?.state ?? 'Dead')
        .string(group?.protocolType ?? '')
        .string(protocol)
      writer.array(members, member => writeMember(member, protocol, version, writer))
      if (version >= 3) writer.int32(-0x80000000)
    })
  },
}

function writeMember(member: Member, protocol: string, version: number, writer: Writer): void {
  writer.string(member.id)
  if (version >= 4) writer.string(null)
  const metadata =
    member.protocols.find(each => each.name === protocol)?.metadata ?? Buffer.alloc(0)
  writer.string(member.clientId).string(member.host).bytes(metadata).bytes(member.assignment)
}

export const listGroups: Api = {
  key: apiKeys.ListGroups,
  min: 0,
  max: 2,

  answer({ version }: Request, { groups }: BrokerParts): Answer {
    const writer = new Writer()
    if (version >= 1) writer.int32(0)
    writer.int16(errorCodes.NONE)
    return writer.array(groups.list(), ({ id, protocolType }) =>
      writer.string(id).string(protocolType),
    )
  },
}

export const deleteGroups: Api = {
  key: apiKeys.DeleteGroups,
  min: 0,
  max: 1,

  answer({ reader }: Request, { groups }: BrokerParts): Answer {
    const results = reader.array(each => {
      const id = each.string()
      return { id, error: errorOf(() => groups.delete(id)) }
    })
    const writer = new Writer().int32(0)
    return writer.array(results, ({ id, error }) => writer.string(id).int16(error))
  },
}
