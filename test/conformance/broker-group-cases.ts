import { errorName } from '../../protocol/error-codes.ts'
import { Writer } from '../../protocol/writer.ts'
import { assert, type Suite } from '../harness.ts'
import { BrokerCase, type BrokerWorld } from './broker-world.ts'
import { pause, unique, type Wire } from './wire.ts'

const PARTITIONS = 4

export function brokerGroupCases(test: Suite, world: () => BrokerWorld): void {
  test('committed offsets come back with their metadata, and only where there are any', () =>
    BrokerCase.run(
      world(),
      async each => {
        const admin = await each.admin()
        const groupId = unique('group')
        assert.is(await commit(each.wire, groupId, each.topic, 1, 7, ''), 'NONE')
        assert.is(await commit(each.wire, groupId, each.topic, 0, 12, 'as it was'), 'NONE')
        assert.is(
          await commit(each.wire, groupId, each.topic, 9, 12, ''),
          'UNKNOWN_TOPIC_OR_PARTITION',
        )
        assert.is(
          await commit(each.wire, groupId, each.topic, 0, 13, 'x'.repeat(4097)),
          'OFFSET_METADATA_TOO_LARGE',
        )
        const [found] = await admin.fetchOffsets({ groupId, topics: [each.topic] })
        const offsets = found?.partitions
          .sort((a, b) => a.partition - b.partition)
          .map(one => `${one.partition} ${one.offset} ${one.metadata}`)
        assert.equal(offsets, ['0 12 as it was', '1 7 null', '2 -1 null', '3 -1 null'])
        await admin.deleteGroups([groupId])
        const [gone] = await admin.fetchOffsets({ groupId, topics: [each.topic] })
        assert.ok(gone?.partitions.every(one => one.offset === '-1'))
      },
      PARTITIONS,
    ))

  test('heartbeats and commits of who is no member, or of another generation, are refused', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const group = unique('group')
      const memberId = await joinAndDie(wire, group, topic)
      assert.is(await heartbeat(wire, group, 1, memberId), 'NONE')
      assert.is(await heartbeat(wire, group, 2, memberId), 'ILLEGAL_GENERATION')
      assert.is(await heartbeat(wire, group, 1, 'nobody'), 'UNKNOWN_MEMBER_ID')
      assert.is(await heartbeat(wire, unique('group'), 1, 'nobody'), 'UNKNOWN_MEMBER_ID')
      assert.is(await commit(wire, group, topic, 0, 1, ''), 'UNKNOWN_MEMBER_ID')
      assert.is(await commit(wire, group, topic, 0, 1, '', 2, memberId), 'ILLEGAL_GENERATION')
      assert.is(await commit(wire, group, topic, 0, 1, '', 1, memberId), 'NONE')
      assert.is(await leave(wire, group, memberId), 'NONE')
      assert.is(await heartbeat(wire, group, 1, memberId), 'UNKNOWN_MEMBER_ID')
    }))

  test('a new member is first given its id, and a session that is too short is refused', () =>
    BrokerCase.run(world(), async ({ wire, topic }) => {
      const group = unique('group')
      const first = await join(wire, group, topic, '')
      assert.is(first.error, 'MEMBER_ID_REQUIRED')
      assert.is((await join(wire, group, topic, first.memberId)).error, 'NONE')
      assert.is((await join(wire, group, topic, 'nobody')).error, 'UNKNOWN_MEMBER_ID')
      assert.is(
        (await join(wire, unique('group'), topic, '', 100)).error,
        'INVALID_SESSION_TIMEOUT',
      )
      assert.is((await join(wire, '', topic, '')).error, 'INVALID_GROUP_ID')
    }))
}

async function join(wire: Wire, group: string, topic: string, memberId: string, sessionMs = 6000) {
  const metadata = new Writer()
    .int16(0)
    .array([topic], (name, writer) => writer.string(name))
    .bytes(null)
    .finish()
  const body = new Writer()
    .string(group)
    .int32(sessionMs)
    .int32(6000)
    .string(memberId)
    .string(null)
    .string('consumer')
  body.array(['RoundRobinAssigner'], name => body.string(name).bytes(metadata))
  const answer = await wire.request('JoinGroup', 5, body)
  answer.int32()
  const error = errorName(answer.int16())
  answer.int32()
  answer.string()
  answer.string()
  return { error, memberId: answer.string() }
}

/** Joins as the only member and syncs, and is never heard of again. */
export async function joinAndDie(wire: Wire, group: string, topic: string): Promise<string> {
  const { memberId } = await join(wire, group, topic, '')
  assert.is((await join(wire, group, topic, memberId)).error, 'NONE')
  const assignment = new Writer()
    .int16(0)
    .array([topic], (name, writer) => writer.string(name).array([0], each => writer.int32(each)))
    .bytes(null)
    .finish()
  const body = new Writer().string(group).int32(1).string(memberId).string(null)
  body.array([memberId], id => body.string(id).bytes(assignment))
  const answer = await wire.request('SyncGroup', 3, body)
  answer.int32()
  assert.is(errorName(answer.int16()), 'NONE')
  return memberId
}

async function heartbeat(
  wire: Wire,
  group: string,
  generation: number,
  memberId: string,
): Promise<string> {
  const answer = await wire.request(
    'Heartbeat',
    3,
    new Writer().string(group).int32(generation).string(memberId).string(null),
  )
  answer.int32()
  return errorName(answer.int16())
}

async function leave(wire: Wire, group: string, memberId: string): Promise<string> {
  const answer = await wire.request('LeaveGroup', 1, new Writer().string(group).string(memberId))
  answer.int32()
  return errorName(answer.int16())
}

async function commit(
  wire: Wire,
  group: string,
  topic: string,
  partition: number,
  offset: number,
  metadata: string,
  generation = -1,
  memberId = '',
): Promise<string> {
  const body = new Writer().string(group).int32(generation).string(memberId)
  body.array([topic], () =>
    body
      .string(topic)
      .array([partition], () => body.int32(partition).int64(offset).string(metadata)),
  )
  for (;;) {
    const answer = await wire.request('OffsetCommit', 5, body)
    answer.int32()
    const [error = 'nothing'] = answer
      .array(one => {
        one.string()
        return one.array(each => {
          each.int32()
          return errorName(each.int16())
        })
      })
      .flat()
    if (error !== 'COORDINATOR_LOAD_IN_PROGRESS' && error !== 'NOT_COORDINATOR') return error
    await pause()
  }
}
