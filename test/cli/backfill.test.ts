import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { backfill } from '../../cli/backfill.ts'
import { topicRecords } from '../../cli/topic-records.ts'
import type { Job } from '../../jobs/job.ts'
import { partitionFor } from '../../protocol/murmur2.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { Log, Producer } from '../../runtime/log.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, suite } from '../harness.ts'
import { JobOnBroker, type JobSpec, liveOf } from '../runtime/job-on-broker.ts'

const test = suite('backfill', { timeoutMs: 120_000 })
const broker = new BrokerUnderTest()
const language = new URL('../../jobs/define-job.ts', import.meta.url).href
const hourMs = 3_600_000

test.before(() => broker.start())
test.after(() => broker.stop())

interface Sent {
  readonly user?: string
  readonly anonymous?: string
  readonly type?: string
  readonly value?: number
  readonly at: number
}

/** `total` and `items` come later than `count`. */
const source = (name: string, more: boolean) => `
import { count, defineJob, lastDistinct, sum } from '${language}'
export default defineJob({
  name: '${name}', input: '${name}-events', identity: true, idle: 'hold', decay: 'event',
  features: {
    count: count({ of: 'Bought' }),
    ${more ? "total: sum({ of: 'Bought', value: 'value' }), today: sum({ of: 'Bought', value: 'value', over: '24h', every: '1h' })," : ''}
  },
})
`

class BackfillWorld extends JobOnBroker {
  static async open(): Promise<BackfillWorld> {
    const spec: JobSpec = {
      ...{ brokers: broker.address, name: 'backfill', partitions: 2 },
      source: name => source(name, false),
    }
    const place = await JobOnBroker.place(spec)
    const world = new BackfillWorld(spec, place.name, place.folder)
    await world.prepare(spec)
    await writeFile(join(place.folder, 'more.ts'), source(place.name, true))
    return world
  }

  get moreUrl(): string {
    return pathToFileURL(join(this.folder, 'more.ts')).href
  }

  async send(events: readonly Sent[]): Promise<void> {
    for (const event of events) {
      const key = event.user ?? event.anonymous ?? ''
      const partition = partitionFor(Buffer.from(key), this.partitions)
      const record = { key, value: JSON.stringify(bodyOf(event)) }
      await this.producer.send([{ topic: this.input, partition, records: [record] }])
    }
  }

  async rows(): Promise<Map<string, Record<string, number>>> {
    const rows = new Map<string, Record<string, number>>()
    for await (const { key, value } of topicRecords(this.log, `${this.name}.features`)) {
      if (value === null) rows.delete(String(key))
      else rows.set(String(key), JSON.parse(String(value)).features)
    }
    return rows
  }
}

let ids = 0
function bodyOf({ user, anonymous, type = 'track', value, at }: Sent) {
  return {
    ...{ messageId: `m${ids++}`, type, timestamp: at, properties: { value } },
    ...(type === 'track' && { event: 'Bought' }),
    ...(user !== undefined && { userId: user }),
    ...(anonymous !== undefined && { anonymousId: anonymous }),
  }
}

/** A log whose producer is gone after so many sends. */
function dyingAfter(log: Log, sends: number): Log {
  const producer = (): Producer => {
    const real = log.producer()
    let left = sends
    return {
      send: appends => (left-- > 0 ? real.send(appends) : Promise.reject(new Error('died'))),
      close: () => real.close(),
    }
  }
  return {
    ...log,
    topics: log.topics,
    producer,
    committed: log.committed.bind(log),
    reader: log.reader.bind(log),
  }
}

test('gives a feature that came later its past: once, though it dies in the middle, and from files too', async () => {
  const world = await BackfillWorld.open()
  try {
    const now = systemClock.now() - 100 * hourMs
    const users = Array.from({ length: 12 }, (_, index) => `user-${index}`)
    const buy = (from: number, to: number): Sent[] =>
      users.flatMap((user, index) =>
        Array.from({ length: to - from }, (_, at) => ({
          ...{ user, value: index + 1, at: now + (from + at) * hourMs },
        })),
      )
    const first = await world.start()
    await world.send([
      ...buy(0, 3),
      { anonymous: 'phone', value: 1_000, at: now },
      { user: 'user-0', anonymous: 'phone', type: 'identify', at: now + hourMs },
      { user: 'erased', value: 5, at: now },
      { user: 'back', value: 7, at: now },
      { user: 'back', type: 'delete', at: now + hourMs },
      { user: 'back', value: 11, at: now + 2 * hourMs },
    ])
    await world.settled()
    await world.stop(first)

    const second = await world.start({ jobUrl: world.moreUrl })
    await world.until(
      () => world.logged.some(line => line.includes('features begin')),
      'it says which features begin',
    )
    await world.send([...buy(3, 5), { user: 'erased', type: 'delete', at: now + 5 * hourMs }])
    await world.settled()
    const files = [join(world.folder, 'older.ndjson')]
    const older: Sent[] = [
      { user: 'user-1', value: 500, at: now - 50 * hourMs },
      { user: 'user-3', value: 300, at: now - 2 * hourMs },
      { user: 'erased', value: 500, at: now - 50 * hourMs },
    ]
    await writeFile(
      files[0] ?? '',
      older.map(event => `${JSON.stringify(bodyOf(event))}\n`).join(''),
    )

    const { default: job } = (await import(world.moreUrl)) as { default: Job }
    const options = {
      ...{ clock: systemClock, job, feature: 'total', files, sendBytesMax: 600 },
      ...{ folder: join(world.folder, 'past'), signal: new AbortController().signal },
      onProgress: () => undefined,
    }
    const early = await failure(backfill({ ...options, log: dyingAfter(world.log, 2) }))
    assert.match(early.message, /died/)
    await backfill({ ...options, log: world.log })
    await world.settled()

    const rows = await world.rows()
    for (const [index, user] of users.entries()) {
      const past = [1_000, 500, 0, 300][index] ?? 0
      assert.is(rows.get(user)?.total, 5 * (index + 1) + past, user)
      assert.is(rows.get(user)?.count, 5 + (index === 0 ? 1 : 0), user)
      assert.is(rows.get(user)?.today, 2 * (index + 1), user)
    }
    assert.is(rows.get('back')?.total, 11)
    assert.is(rows.get('erased'), undefined)
    assert.is(rows.get('phone'), undefined)

    const again = await failure(backfill({ ...options, log: world.log }))
    assert.match(again.message, /was backfilled before/)
    await backfill({ ...options, log: world.log, feature: 'today' })
    await world.settled()
    const today = (await world.rows()).get('user-3')?.today
    assert.is(today, 5 * 4 + 300, 'within a day of the newest event')
    await world.stop(second)
  } finally {
    await world.close()
  }
})

test('refuses a feature that is not there, and one whose definition is not at work', async () => {
  const world = await BackfillWorld.open()
  try {
    await world.send([{ user: 'ada', value: 1, at: systemClock.now() }])
    const running = await world.start()
    await world.until(() => liveOf(running).length === world.partitions, 'all tasks are live')
    await world.settled()
    const { default: job } = (await import(world.moreUrl)) as { default: Job }
    const options = {
      ...{ clock: systemClock, log: world.log, job, feature: 'total', files: [] },
      ...{ folder: join(world.folder, 'past'), signal: new AbortController().signal },
      onProgress: () => undefined,
    }
    assert.match((await failure(backfill(options))).message, /deploy this one first/)
    const unknown = await failure(backfill({ ...options, feature: 'totals' }))
    assert.match(unknown.message, /no feature "totals"; it has count, total, today/)
    await world.stop(running)
  } finally {
    await world.close()
  }
})

async function failure(work: Promise<unknown>): Promise<Error> {
  try {
    await work
  } catch (error) {
    return error as Error
  }
  throw new Error('expected a failure')
}

test.run()
