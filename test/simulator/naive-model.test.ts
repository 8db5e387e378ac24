import { assert, suite } from '../harness.ts'
import { naiveModel } from './naive-model.ts'
import { simJob } from './sim-job.ts'
import type { StoredRecord } from './sim-partition.ts'

const test = suite('naive model')
const START = Date.UTC(2026, 0, 1)
const job = simJob({ idle: 'hold' })

/** Events of seconds after the start, at offsets 0, 1, …, all appended at a later time. */
function work(events: readonly { id: string; at: number; user?: string; properties?: object }[]) {
  const records = events.map(
    ({ id, at, user = 'u', properties = {} }, offset): StoredRecord => ({
      offset,
      time: START + 3_600_000,
      key: user,
      value: Buffer.from(
        JSON.stringify({ messageId: id, userId: user, timestamp: START + at * 1_000, properties }),
      ),
      headers: {},
    }),
  )
  const takes = records.map(record => ({ record, job, era: 0 }))
  return naiveModel({ partition: 0, partitions: 1 }, takes)
}

const countOf = (expected: ReturnType<typeof work>, user = 'u') =>
  expected.rows.get(user)?.features.count

test('each event counts once, also with equal ids of different users', () => {
  const expected = work([
    { id: 'a', at: 0 },
    { id: 'b', at: 1 },
    { id: 'a', at: 2, user: 'v' },
  ])
  assert.equal([countOf(expected), countOf(expected, 'v')], [2, 1])
  assert.equal(expected.rows.get('u')?.version, [1, 0])
})

test('a repeat within the last ids is dropped, one further back counts again', () => {
  const repeated = ['a', 'b', 'a', 'c', 'd', 'e', 'a'].map((id, at) => ({ id, at }))
  // The second 'a' is dropped; 'a' has left the last four before the third.
  assert.is(countOf(work(repeated)), 6)
})

test('an event without an id is never a repeat', () => {
  assert.is(
    countOf(
      work([
        { id: '', at: 0 },
        { id: '', at: 0 },
      ]),
    ),
    2,
  )
})

test('an event too far behind the watermark is late, and the watermark does not move back', () => {
  const expected = work([
    { id: 'a', at: 600 },
    { id: 'b', at: 474 },
    { id: 'c', at: 475 },
  ])
  assert.equal(expected.late, ['1'])
  assert.is(countOf(expected), 2)
  assert.is(expected.watermark, START + 595_000)
})

test('a future time is clamped to five minutes after the append time', () => {
  const expected = work([{ id: 'a', at: 100_000 }])
  assert.is(expected.watermark, START + 3_600_000 + 300_000 - 5_000)
})

test('due timers fire between the event that made them due and the next one', () => {
  const expected = work([
    { id: 'a', at: 0 },
    { id: 'b', at: 124, user: 'v' },
    { id: 'c', at: 125, user: 'v' },
  ])
  const silent = expected.triggers.filter(each => each.startsWith('silent'))
  assert.equal(silent, [`silent u ${START + 120_000} `])
  assert.equal(expected.rows.get('u')?.version, [0, 1])
})

test('a timer that throws is dead, gone, and leaves the state as it was', () => {
  const bomb = [
    { id: 'a', at: 0, properties: { bomb: true } },
    { id: 'b', at: 66, user: 'v' },
  ]
  const expected = work(bomb)
  assert.equal(expected.dead, [`u bomb ${START + 60_000} bombed`])
  assert.equal(expected.rows.get('u')?.version, [0, 1]) // written again, perhaps by a changed job
})

test('bad records are dead with their reason and change nothing', () => {
  const poisoned = { id: 'a', at: 0, properties: { poison: true } }
  const expected = work([poisoned, { id: 'b', at: 1, user: '' }, { id: 'c', at: Number.NaN }])
  assert.equal(expected.dead, ['0 poisoned', '1 no_user', '2 no_time'])
  assert.is(expected.rows.size, 0)
  assert.is(expected.watermark, undefined)
})

test.run()
