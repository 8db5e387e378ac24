import { readRange } from '../../cli/read-range.ts'
import { type RejectedEvent, readRejected } from '../../cli/rejected-events.ts'
import {
  REPLAYED_HEADER,
  type RejectedReplayOptions,
  replayRejected,
} from '../../cli/rejected-replay.ts'
import { addressesOf } from '../../collect/address.ts'
import { EVENT_BYTES_MAX, EventIntake } from '../../collect/event-intake.ts'
import type { Arrival } from '../../collect/intake.ts'
import { makePlan } from '../../collect/plan.ts'
import type { SinkRecord } from '../../collect/sink.ts'
import { collectTopics } from '../../collect/topics.ts'
import type { Event } from '../../jobs/event.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { decodeEvent } from '../../runtime/decode.ts'
import { erasedRecord } from '../../runtime/erased.ts'
import { type Log, nextOffset } from '../../runtime/log.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { assert, rejects, suite } from '../harness.ts'
import { FaultPlan } from '../simulator/faults.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { SimCluster } from '../simulator/sim-cluster.ts'
import { breaking } from './breaking-log.ts'

const test = suite('rejected events')
const never = new AbortController().signal
const receivedAt = Date.UTC(2026, 0, 1)
const addresses = addressesOf(Buffer.alloc(32, 1))
const schema = (type: string) => ({
  ...{ name: 'Seen', version: 1 },
  schema: { properties: { price: { type } }, required: ['price'] },
})
const strict = makePlan([schema('number')], { mode: 'enforce' })
const mended = makePlan([schema('string')], { mode: 'enforce' })
const seen = (userId: string, price: unknown = '3') => ({
  ...{ type: 'track', event: 'Seen', userId, properties: { price }, messageId: `m-${userId}` },
})
let cluster: SimCluster
let log: Log
let end: () => void

test.before.each(async () => {
  const random = new Random('rejected events')
  const scheduler = new Scheduler(random.fork('scheduler'), receivedAt)
  cluster = new SimCluster({ scheduler, random, plan: new FaultPlan(random.fork('plan'), {}) })
  end = scheduler.runInBackground(error => {
    throw error
  })
  log = cluster.open('tool').log
  await log.topics.create(collectTopics('events', { partitions: 2, replication: 1 }))
})
test.after.each(async () => {
  await log.close()
  end()
  assert.equal(cluster.violations, [])
})

test('wait with code, path and reason until they are replayed', async () => {
  await take([seen('ann'), { type: 'page' }, seen('bob', 3)])
  const waiting = await listed()
  assert.equal(
    waiting.map(({ failed }) => [failed?.code, failed?.path, failed?.reason, failed?.source]),
    [
      ['plan_failed', 'properties.price', 'must be number, is string', 'web'],
      ['no_user', 'userId', waiting[1]?.failed?.reason, 'web'],
    ],
  )
  await replay({ plan: mended })
  assert.equal(
    (await listed()).map(({ failed }) => failed?.code),
    ['no_user'],
  )
  assert.is((await listed(true)).length, 3)
})

test('are taken after the plan was mended, each once, with what was known when they came', async () => {
  const late = {
    ...seen('ann'),
    originalTimestamp: receivedAt - 60_000,
    sentAt: receivedAt + 5_000,
  }
  await take([late, seen('bob', 3)], { ip: '192.0.2.7' })
  assert.equal(await replay({ plan: mended }), { taken: 1, rejected: 0, erased: 0, lost: 0 })
  assert.equal(await replay({ plan: mended }), { taken: 0, rejected: 0, erased: 0, lost: 0 })
  const [, again] = await taken()
  assert.equal(
    [again?.userId, again?.messageId, again?.timestamp, again?.receivedAt, again?.context.ip],
    ['ann', 'm-ann', receivedAt - 65_000, receivedAt, '192.0.2.7'],
  )
})

test('that are still no good are rejected again, and wait', async () => {
  await take([seen('ann'), seen('bob', true)])
  assert.equal(await replay({ plan: mended }), { taken: 1, rejected: 1, erased: 0, lost: 0 })
  assert.equal(
    (await listed()).map(({ failed }) => failed?.reason),
    ['must be string, is boolean'],
  )
  assert.equal(await replay({}), { taken: 1, rejected: 0, erased: 0, lost: 0 })
  assert.equal(await listed(), [])
  assert.equal((await taken()).map(({ userId }) => userId).sort(), ['ann', 'bob'])
})

test('of a source that asks for consent are not taken without it, whatever else was mended', async () => {
  const source = { name: 'web', requireConsent: true }
  const consent = { context: { consent: { categoryPreferences: { Advertising: true } } } }
  await take([seen('ann'), { ...seen('bob'), ...consent }], { source })
  assert.equal(await replay({ plan: mended }), { taken: 1, rejected: 1, erased: 0, lost: 0 })
  const [bob] = await taken()
  assert.equal([bob?.userId, bob?.context.consent], ['bob', consent.context.consent])
})

test('of profiles join their address, too', async () => {
  const profile = { type: 'identify', userId: 'ann', traits: { email: 'a@b.c' }, messageId: 'm' }
  const plan = makePlan([{ name: 'identify', version: 1, schema: { required: ['name'] } }], {
    mode: 'enforce',
  })
  await take([profile], {}, plan)
  await replay({ addresses })
  const events = await taken()
  assert.equal(
    events.map(({ messageId }) => messageId),
    ['m', 'm:email'],
  )
  assert.is(events[1]?.anonymousId, addresses.idOf('a@b.c'))
})

test('that were not kept whole, or are none, are counted as lost', async () => {
  await take([{ ...seen('ann'), properties: { price: 'x'.repeat(600_000) } }])
  const producer = log.producer()
  const records = [{ key: null, value: 'not of ours' }]
  await producer.send([{ topic: 'events.rejected', partition: 1, records }])
  await producer.close()
  assert.equal(
    (await listed()).map(({ failed }) => failed?.code),
    ['plan_failed', undefined],
  )
  assert.equal(await replay({}), { taken: 0, rejected: 0, erased: 0, lost: 2 })
})

test('of users who have been erased since are not taken', async () => {
  await log.topics.create([{ topic: 'shop.erased', partitions: 2, replication: 1, config: {} }])
  const producer = log.producer()
  const place = { era: 0, offset: 9, appendedAt: receivedAt + 1_000 }
  const records = [erasedRecord({ input: 'events' }, 'ann', place)]
  await producer.send([{ topic: 'shop.erased', partition: 0, records }])
  await producer.close()
  await take([seen('ann'), seen('bob')])
  assert.equal(await replay({ plan: mended }), { taken: 1, rejected: 0, erased: 1, lost: 0 })
  assert.equal(
    (await taken()).map(({ userId }) => userId),
    ['bob'],
  )
})

test('are taken once also when a replay dies before, in the middle of, or after its sending', async () => {
  for (const dies of ['before the intent', 'before the send', 'after the send'] as const) {
    const users = [1, 2, 3].map(at => `${dies} ${at}`)
    await take(users.map(user => seen(user)))
    await rejects(() => replay({ plan: mended, log: breaking(log, dies) }), 'the machine is gone')
    await replay({ plan: mended })
    const again = (await taken()).filter(({ userId }) => users.includes(userId))
    assert.equal(again.map(({ userId }) => userId).sort(), users, dies)
  }
})

test('of a topic that nothing was taken to are refused with the remedy', async () => {
  await rejects(() => replay({ topic: 'other' }), /"other.rejected" does not exist: give --topic/)
})

test.run()

async function take(events: unknown[], more: Partial<Arrival> = {}, plan = strict): Promise<void> {
  const producer = log.producer()
  const put = async (records: readonly SinkRecord[]) => {
    for (const { topic, key, value } of records) {
      const partition = key === null ? 0 : partitionFor(Buffer.from(key), 2)
      await producer.send([{ topic, partition, records: [{ key, value }] }])
    }
  }
  const sink = { put, close: () => producer.close() }
  const options = { sink, topic: 'events', telemetry: noTelemetry, plan, addresses }
  const intake = new EventIntake({ ...options, eventBytesMax: EVENT_BYTES_MAX })
  await intake.take(events, { source: { name: 'web', requireConsent: false }, receivedAt, ...more })
  await sink.close()
}

function replay(options: Partial<RejectedReplayOptions>) {
  return replayRejected({
    ...{ log, topic: 'events', eventBytesMax: EVENT_BYTES_MAX, signal: never },
    ...options,
  })
}

async function listed(all = false): Promise<RejectedEvent[]> {
  const found: RejectedEvent[] = []
  for await (const each of readRejected(log, 'events', all, never)) found.push(each)
  return found
}

/** All events on the topic, those that were replayed last. */
async function taken(): Promise<Event[]> {
  const ranges = await log.topics.ranges('events')
  const whole = ranges.map(({ end }, partition) => ({ partition, from: nextOffset(0), to: end }))
  const found: { event: Event; replayed: boolean }[] = []
  for await (const { value, headers } of readRange(log, 'events', whole, never))
    found.push({ event: decodeEvent(value, receivedAt), replayed: headers.has(REPLAYED_HEADER) })
  found.sort((one, other) => Number(one.replayed) - Number(other.replayed))
  return found.map(({ event }) => event)
}
