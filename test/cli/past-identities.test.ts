import { committedRecords } from '../../cli/committed-records.ts'
import { eventOf, pastIdentities } from '../../cli/past-identities.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import type { Log } from '../../runtime/log.ts'
import { assert, suite } from '../harness.ts'
import { FaultPlan } from '../simulator/faults.ts'
import { Random } from '../simulator/random.ts'
import { Scheduler } from '../simulator/scheduler.ts'
import { SimCluster } from '../simulator/sim-cluster.ts'

const test = suite('who somebody of the past is')
const partitions = 2
const signal = new AbortController().signal
let scheduler: Scheduler
let log: Log
let end: () => void

test.before.each(async () => {
  const random = new Random('past')
  scheduler = new Scheduler(random.fork('scheduler'), Date.UTC(2026, 0, 1))
  const plan = new FaultPlan(random.fork('plan'), {})
  end = scheduler.runInBackground(error => {
    throw error
  })
  log = new SimCluster({ scheduler, random, plan }).open('past').log
  const config = { 'message.timestamp.type': 'LogAppendTime' }
  await log.topics.create([{ topic: 'events', partitions, replication: 1, config }])
})
test.after.each(() => end())

/** An event of a user, or of an anonymous key (a phone). `is`: the phone that the user says was his. */
interface Step {
  readonly key: string
  readonly is?: string
  readonly erased?: true
}

/** Appends each group at one append time, and the next one a second later. */
async function append(...groups: readonly (readonly Step[])[]): Promise<void> {
  const producer = log.producer()
  for (const group of groups) {
    const sends = [0, 1].map(partition => ({
      ...{ topic: 'events', partition },
      records: group
        .filter(({ key }) => partitionFor(Buffer.from(key), partitions) === partition)
        .map(step => ({ key: step.key, value: JSON.stringify(bodyOf(step)) })),
    }))
    await producer.send(sends.filter(({ records }) => records.length > 0))
    await scheduler.sleep(1_000)
  }
}

const bodyOf = ({ key, is, erased }: Step) => ({
  ...(key.startsWith('phone') ? { anonymousId: key } : { userId: key }),
  ...(is !== undefined && { anonymousId: is }),
  type: erased ? 'delete' : is === undefined ? 'track' : 'identify',
  timestamp: Date.UTC(2026, 0, 1),
})

/** Whose each of the key's events is, in their order; `-`: it was erased. */
async function owners(key: string, merges = true): Promise<string> {
  const ranges = (await log.topics.ranges('events')).map(({ start: from, end: to }, partition) => ({
    ...{ partition, from, to },
  }))
  const past = await pastIdentities(log, 'events', ranges, { merges, signal })
  const found: string[] = []
  for await (const { partition, record } of committedRecords(log, 'events', ranges, { signal })) {
    const event = eventOf(record)
    if (event?.key !== key || event.type === 'delete') continue
    const place = { partition, offset: record.offset, appendedAt: record.timestamp }
    found.push(past.ownerOf(key, place) ?? '-')
  }
  return found.join(' ')
}

test('an erasure reaches what lies before it, also where all came in one millisecond', async () => {
  await append([{ key: 'ada' }, { key: 'ada', erased: true }, { key: 'ada' }])
  assert.is(await owners('ada'), '- ada')
})

test('it reaches what was done as somebody unknown in another partition, by time', async () => {
  assert.is.not(partitionFor(Buffer.from('ada'), 2), partitionFor(Buffer.from('phone-2'), 2))
  await append(
    [{ key: 'phone-2' }],
    [{ key: 'ada', is: 'phone-2' }],
    [{ key: 'phone-2' }, { key: 'ada', erased: true }],
    [{ key: 'phone-2' }],
  )
  assert.is(await owners('phone-2'), '- - phone-2')
  assert.is(await owners('phone-2', false), 'phone-2 phone-2 phone-2')
})

test('it does not reach what became his only afterwards', async () => {
  await append(
    [{ key: 'phone-2' }],
    [
      { key: 'ada', erased: true },
      { key: 'ada', is: 'phone-2' },
    ],
    [{ key: 'phone-2' }],
  )
  assert.is(await owners('phone-2'), 'ada ada')
})

test('an alias belongs to the first user who claims it, and to another once that one is erased', async () => {
  await append(
    [{ key: 'ada', is: 'phone-2' }],
    [{ key: 'bob', is: 'phone-2' }],
    [{ key: 'phone-2' }],
  )
  assert.is(await owners('phone-2'), 'ada')
  await append(
    [
      { key: 'ada', erased: true },
      { key: 'phone-2', erased: true },
    ],
    [{ key: 'bob', is: 'phone-2' }],
    [{ key: 'phone-2' }],
  )
  assert.is(await owners('phone-2'), '- bob')
})

test('what never lay in the topic is older than all that does', async () => {
  await append([{ key: 'ada', erased: true }, { key: 'bob' }])
  const ranges = (await log.topics.ranges('events')).map(({ start: from, end: to }, partition) => ({
    ...{ partition, from, to },
  }))
  const past = await pastIdentities(log, 'events', ranges, { merges: true, signal })
  const file = { partition: -1, offset: -1, appendedAt: 0 }
  assert.is(past.ownerOf('ada', file), undefined)
  assert.is(past.ownerOf('bob', file), 'bob')
})

test.run()
