import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { backfill } from '../../cli/backfill.ts'
import type { Job } from '../../jobs/job.ts'
import { systemClock } from '../../runtime/clock.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, suite } from '../harness.ts'
import { liveOf } from '../runtime/job-on-broker.ts'
import { BackfillWorld, bodyOf, dyingAfter, meanwhile, type Sent } from './backfill-world.ts'

const test = suite('backfill', { timeoutMs: 120_000 })
const broker = new BrokerUnderTest()
const hourMs = 3_600_000

test.before(() => broker.start())
test.after(() => broker.stop())

test('gives a feature that came later its past: once, though it dies in the middle, and from files too', async () => {
  const world = await BackfillWorld.open(broker.address)
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
  const world = await BackfillWorld.open(broker.address)
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

test('brings nothing back of who was erased when the input has long forgotten it, or meanwhile', async () => {
  const world = await BackfillWorld.open(broker.address)
  try {
    const now = systemClock.now() - 100 * hourMs
    const first = await world.start()
    await world.send([
      { user: 'ada', value: 1, at: now },
      { user: 'erased', value: 5, at: now },
      { user: 'erased', type: 'delete', at: now + hourMs },
    ])
    await world.settled()
    await world.stop(first)
    await world.forgetInput()
    const second = await world.start({ jobUrl: world.moreUrl })
    await world.send(['ada', 'bob', 'cyd'].map(user => ({ user, value: 1, at: now + 2 * hourMs })))
    await world.settled()

    const file = join(world.folder, 'older.ndjson')
    const older = ['ada', 'bob', 'cyd', 'erased'].map(user => ({
      user,
      value: 100,
      at: now - hourMs,
    }))
    await writeFile(file, older.map(event => `${JSON.stringify(bodyOf(event))}\n`).join(''))
    const { default: job } = (await import(world.moreUrl)) as { default: Job }
    const erase = (user: string) => world.send([{ user, type: 'delete', at: now + 3 * hourMs }])
    const sent = await backfill({
      ...{ clock: systemClock, job, feature: 'total', files: [file] },
      ...{ folder: join(world.folder, 'past'), signal: new AbortController().signal },
      // Before the sender looks for erasures, and between that and its send.
      log: meanwhile(world.log, { opening: () => erase('bob'), sending: () => erase('cyd') }),
      onProgress: () => undefined,
    })
    assert.is(sent, 2, 'users: ada and cyd')
    await world.settled()
    const rows = await world.rows()
    assert.equal([...rows.keys()], ['ada'])
    assert.is(rows.get('ada')?.total, 101)
    await world.stop(second)
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
