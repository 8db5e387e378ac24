import { connect, type Socket } from 'node:net'
import type { Consumer } from 'kafkajs'
import { assert, type Suite } from '../harness.ts'
import { joinAndDie } from './broker-group-cases.ts'
import { BrokerCase, type BrokerWorld } from './broker-world.ts'
import { batchOf, pause, unique } from './wire.ts'

const PARTITIONS = 4
/** The least that Kafka allows by default. */
const SESSION_MS = 6_000
/** kafkajs hears of errors of its sockets, not of their being closed. */
const DEAD = new Error('the process is dead')

/** Groups as kafkajs's consumers form them. */
export function brokerMemberCases(test: Suite, world: () => BrokerWorld): void {
  test(
    'two members share the partitions, one that leaves gives its own back',
    () =>
      BrokerCase.run(
        world(),
        async each => {
          const groupId = unique('group')
          const first = await member(each, groupId)
          await until(() => first.partitions.length === PARTITIONS)
          const second = await member(each, groupId)
          await until(() => first.partitions.length === 2 && second.partitions.length === 2)
          assert.equal([...first.partitions, ...second.partitions].sort(), [0, 1, 2, 3])
          const admin = await each.admin()
          const { groups } = await admin.describeGroups([groupId])
          assert.is(groups[0]?.state, 'Stable')
          assert.is(groups[0]?.members.length, 2)
          const busy = await admin
            .deleteGroups([groupId])
            .then(String, error => error.groups?.[0]?.error?.type)
          assert.is(busy, 'NON_EMPTY_GROUP')
          await second.consumer.disconnect()
          await until(() => first.partitions.length === PARTITIONS)
        },
        PARTITIONS,
      ),
    { timeoutMs: 60_000 },
  )

  test(
    'a member that dies is missed after its session, and its partitions go to the others',
    () =>
      BrokerCase.run(
        world(),
        async each => {
          const groupId = unique('group')
          const dead = await joinAndDie(await each.another(), groupId, each.topic)
          const start = performance.now()
          const alive = await member(each, groupId)
          await until(() => alive.partitions.length === PARTITIONS)
          const waited = performance.now() - start
          assert.ok(waited > 3000 && waited < 25_000, `${waited} ms, of ${dead}`)
        },
        PARTITIONS,
      ),
    { timeoutMs: 60_000 },
  )

  test(
    'three members join at once, read each record once, and take over from who leaves and who dies',
    () =>
      BrokerCase.run(
        world(),
        async each => {
          const groupId = unique('group')
          const members = await Promise.all([1, 2, 3].map(() => member(each, groupId)))
          const [first, second, third] = members as [Member, Member, Member]
          await until(() => share(members))
          const sent = await send(each, 'all three')
          await until(() => members.flatMap(one => one.seen).length >= sent.length)
          assert.equal(members.flatMap(one => one.seen).sort(), sent)
          assert.ok(members.every(one => one.seen.length > 0))

          const fourth = await member(each, groupId)
          await until(() => share([...members, fourth]))
          await first.consumer.disconnect()
          await until(() => share([second, third, fourth]))
          third.die()
          await until(() => share([second, fourth]))
          const more = await send(each, 'two are left')
          await until(() => more.every(one => [...second.seen, ...fourth.seen].includes(one)))
        },
        PARTITIONS,
      ),
    { timeoutMs: 90_000 },
  )
}

/** Each has something, and all of them everything, once. */
function share(members: readonly Member[]): boolean {
  const all = members.flatMap(one => one.partitions)
  const everything = all.length === PARTITIONS && new Set(all).size === PARTITIONS
  return everything && members.every(one => one.partitions.length > 0)
}

interface Member {
  readonly consumer: Consumer
  /** As it was told last. */
  partitions: number[]
  readonly seen: string[]
  /** Without a word to the group. */
  die(): void
}

async function member(each: BrokerCase, groupId: string): Promise<Member> {
  const sockets = new Set<Socket>()
  let dead = false
  const kafka = each.client({
    retry: { retries: 0, restartOnFailure: async () => !dead },
    socketFactory: ({ host, port, onConnect }) => {
      const socket = connect(port, host, onConnect)
      sockets.add(socket)
      if (dead) socket.destroy(DEAD)
      return socket
    },
  })
  const consumer = kafka.consumer({
    groupId,
    heartbeatInterval: 200,
    maxWaitTimeInMs: 100,
    sessionTimeout: SESSION_MS,
    rebalanceTimeout: 10_000,
  })
  const found: Member = {
    consumer,
    partitions: [],
    seen: [],
    die() {
      dead = true
      found.partitions = []
      for (const socket of sockets) socket.destroy(DEAD)
    },
  }
  consumer.on('consumer.group_join', ({ payload }) => {
    found.partitions = [...(payload.memberAssignment[each.topic] ?? [])]
  })
  await consumer.connect()
  each.closing(() => consumer.disconnect())
  await consumer.subscribe({ topics: [each.topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => void found.seen.push(String(message.value)),
  })
  return found
}

/** One to each partition, so often; their values, sorted. */
async function send({ wire, topic }: BrokerCase, round: string): Promise<string[]> {
  const sent: string[] = []
  for (let index = 0; index < PARTITIONS * 5; index++) {
    const partition = index % PARTITIONS
    sent.push(`${round} ${index}`)
    assert.is(
      (await wire.produce(topic, batchOf([`${round} ${index}`]), { partition })).error,
      'NONE',
    )
  }
  return sent.sort()
}

async function until(done: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 1_200; attempt++) {
    if (done()) return
    await pause(50)
  }
  throw new Error('it did not come about in a minute')
}
