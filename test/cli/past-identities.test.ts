import { committedRecords } from '../../cli/committed-records.ts'
import { ErasedList, readErased } from '../../cli/erased-list.ts'
import { eventInFile, eventOf, Past, placeOf, tellPast } from '../../cli/past-identities.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { erasedHash, erasedRecord } from '../../runtime/erased.ts'
import type { Log } from '../../runtime/log.ts'
import { assert, rejects, suite } from '../harness.ts'
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

/** What the topic tells. */
async function past(merges = true, erased = new ErasedList()): Promise<Past> {
  const known = new Past({ merges, erased })
  await tellPast(known, log, 'events', await ranges(), { era: 0, signal })
  return known
}

async function ranges() {
  return (await log.topics.ranges('events')).map(({ start: from, end: to }, partition) => ({
    ...{ partition, from, to },
  }))
}

/** Whose each of the key's events is, in their order; `-`: it was erased. */
async function owners(key: string, merges = true, erased?: ErasedList): Promise<string> {
  const known = await past(merges, erased)
  const found: string[] = []
  for await (const { partition, record } of committedRecords(log, 'events', await ranges(), {
    signal,
  })) {
    const event = eventOf(record)
    if (event?.key !== key || event.type === 'delete') continue
    found.push(known.ownerOf(key, placeOf(partition, record, 0)) ?? '-')
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

test('what lies in a file is erased by what was asked for later', async () => {
  await append([{ key: 'ada', erased: true }, { key: 'bob' }])
  const known = await past()
  const owner = (key: string, at: number, receivedAt?: number) => {
    const body = { ...bodyOf({ key }), timestamp: at, ...(receivedAt && { receivedAt }) }
    const { place } = eventInFile(JSON.stringify(body), at) ?? {}
    return place && known.ownerOf(key, place)
  }
  const erasedAt = Date.UTC(2026, 0, 1)
  assert.is(owner('ada', erasedAt - 60_000), undefined)
  assert.is(owner('ada', erasedAt + 60_000), undefined, 'its clock may have been ahead')
  assert.is(owner('ada', erasedAt + 60_000, erasedAt + 61_000), 'ada')
  assert.is(owner('ada', erasedAt + 600_000), 'ada')
  assert.is(owner('bob', erasedAt - 60_000), 'bob')
})

test('the list of the erased knows what the topic has forgotten, by place or by time', async () => {
  const erased = new ErasedList()
  await append([{ key: 'ada' }, { key: 'ada' }])
  const partition = partitionFor(Buffer.from('ada'), partitions)
  const at = Date.UTC(2026, 0, 1)
  erased.add(erasedHash('ada'), { partition, offset: 1, era: 0, appendedAt: at + 5_000 })
  assert.is(await owners('ada', true, erased), '- ada')
  erased.add(erasedHash('ada'), { partition, offset: 1, era: 1, appendedAt: at + 6_000 })
  assert.is(await owners('ada', true, erased), '- -')
  assert.is(await owners('bob', true, erased), '')
})

test('lists are read of every job that has the input, and of others where they are named', async () => {
  const producer = log.producer()
  for (const [job, input, key] of [
    ['email', 'events', 'ada'],
    ['other', 'elsewhere', 'bob'],
  ] as const) {
    const topic = `${job}.erased`
    await log.topics.create([{ topic, partitions, replication: 1, config: {} }])
    const record = erasedRecord({ input }, key, { era: 0, offset: 3, appendedAt: 1_000 })
    await producer.send([{ topic, partition: 1, records: [record] }])
  }
  const file = { partition: Number.NaN, offset: -1, appendedAt: 999 }
  const found = await readErased(log, 'events', { signal })
  assert.equal([found.covers('ada', file), found.covers('bob', file)], [true, false])
  const more = await readErased(log, 'events', { besides: ['other'], signal })
  assert.equal([more.covers('ada', file), more.covers('bob', file)], [true, true])
  assert.not(more.covers('ada', { ...file, appendedAt: 1_001 }))
  assert.not(more.covers('ada', { ...file, partition: 1, offset: 3, era: 0 }))
  await rejects(() => readErased(log, 'events', { besides: ['absent'], signal }), 'unknown-topic')
})

test.run()
