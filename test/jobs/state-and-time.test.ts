import type { JobDefinition } from '../../jobs/define-job.ts'
import { count, defineJob, first, lastDistinct, lastTime, sum } from '../../jobs/define-job.ts'
import { JobError } from '../../jobs/job.ts'
import { decodedAlone, encodedAlone } from '../../jobs/state-bytes.ts'
import { StateReader } from '../../state/state-reader.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'

const test = suite('a job over time')

const hourMs = 3_600_000
const startMs = 480_000 * hourMs
const base: JobDefinition = { name: 'email', input: 'events', features: { views: count({}) } }

test('a silent user decays to nothing, tile by tile, and then has no timer', () => {
  const job = defineJob({ ...base, features: { views3h: count({ over: '3h', every: '1h' }) } })
  const state = job.create()
  const rows: unknown[] = []
  for (const minutes of [10, 20, 70])
    job.absorb(state, eventOf({ timestamp: startMs + minutes * 60_000 }), contextOf())
  for (let timer = job.nextTimer(state); timer !== undefined; timer = job.nextTimer(state)) {
    job.fire(state, timer, contextOf(timer.time))
    rows.push([timer.name, (timer.time - startMs) / hourMs, job.row(state).features.views3h])
  }
  assert.equal(rows, [
    ['decay', 3, 1],
    ['decay', 4, 0],
  ])
})

test("with decay: 'event' there is no timer, and the user's own next event empties the window", () => {
  const job = defineJob({
    ...base,
    decay: 'event',
    features: { views3h: count({ of: 'A', over: '3h', every: '1h' }) },
  })
  const state = job.create()
  job.absorb(state, eventOf({ event: 'A', timestamp: startMs }), contextOf(startMs + 9 * hourMs))
  assert.is(job.nextTimer(state), undefined)
  assert.equal(job.row(state).features, { views3h: 1 })
  job.absorb(state, eventOf({ event: 'B', timestamp: startMs + 3 * hourMs }), contextOf())
  assert.equal(job.row(state).features, { views3h: 0 })
})

test('an event that is older than the window at the watermark makes no tile and no timer, and counts in all time', () => {
  const job = defineJob({
    ...base,
    features: { views: count({}), views3h: count({ over: '3h', every: '1h' }) },
  })
  const state = job.create()
  job.absorb(state, eventOf({ timestamp: startMs }), contextOf(startMs + 3 * hourMs))
  assert.is(job.nextTimer(state), undefined)
  assert.equal(job.row(state).features, { views: 1, views3h: 0 })
})

test('a cancelled timer is gone, and the next one comes', () => {
  const job = defineJob({
    ...base,
    features: { a: count({ over: '2h', every: '1h' }), b: count({ over: '6h', every: '2h' }) },
  })
  const state = job.create()
  job.absorb(state, eventOf({ timestamp: startMs }), contextOf())
  const timer = job.nextTimer(state)
  assert.equal(timer, { name: 'decay', time: startMs + 2 * hourMs })
  if (timer !== undefined) job.cancel(state, timer)
  assert.equal(job.nextTimer(state), { name: 'decay', time: startMs + 6 * hourMs })
})

test('a first order fires once for each user, at the first that is processed, with its time', () => {
  const job = defineJob({ ...base, triggers: { firstOrder: first({ of: 'Order Completed' }) } })
  let state = job.create()
  const context = contextOf()
  const order = (timestamp: number) => eventOf({ event: 'Order Completed', timestamp })
  job.absorb(state, eventOf({ timestamp: startMs }), context)
  assert.equal(context.sent, [])
  job.absorb(state, order(startMs + 5), context)
  job.absorb(state, order(startMs + 1), context)
  state = decodedAlone(job, encodedAlone(job, state))
  job.absorb(state, order(startMs + 9), context)
  assert.equal(context.sent, [
    { name: 'firstOrder', reason: 'first Order Completed', time: startMs + 5 },
  ])
})

test('an order that is refused fires nothing, and the next good one is the first', () => {
  const job = defineJob({
    ...base,
    features: { revenue: sum({ value: 'revenue' }) },
    triggers: { firstOrder: first({}) },
  })
  const state = job.create()
  const context = contextOf()
  assert.throws(() =>
    job.absorb(state, eventOf({ timestamp: 1, properties: { revenue: 'much' } }), context),
  )
  assert.equal(context.sent, [])
  job.absorb(state, eventOf({ timestamp: 2, properties: { revenue: 1 } }), context)
  assert.equal(
    context.sent.map(trigger => trigger.time),
    [2],
  )
})

test('a changed job keeps what did not change, begins what is new, and forgets what is gone', () => {
  const before = defineJob({
    ...base,
    features: {
      gone: count({}),
      kept: sum({ value: 'n' }),
      changed: lastDistinct({ value: 'n', keep: 2 }),
      list: lastDistinct({ value: 'n', keep: 3 }),
      goneWindow: count({ over: '3h', every: '1h' }),
      keptWindow: sum({ value: 'n', over: '3h', every: '1h' }),
      longGone: count({ over: '8h', every: '1h' }),
    },
  })
  const after = defineJob({
    ...base,
    features: {
      fresh: count({}),
      list: lastDistinct({ value: 'n', keep: 3 }),
      changed: lastDistinct({ value: 'n', keep: 4 }),
      last: lastTime({}),
      freshWindow: count({ of: 'A', over: '3h', every: '1h' }),
      keptWindow: sum({ value: 'n', over: '3h', every: '1h' }),
      freshTable: count({ over: '6h', every: '2h' }),
      kept: sum({ value: 'n' }),
    },
  })
  assert.is.not(after.hash, before.hash)
  const state = before.create()
  for (const n of [1, 2, 3])
    before.absorb(
      state,
      eventOf({ timestamp: startMs + n * hourMs, properties: { n } }),
      contextOf(),
    )
  const migrated = decodedAlone(after, encodedAlone(before, state))
  assert.equal(after.row(migrated).features, {
    fresh: 0,
    list: ['3', '2', '1'],
    changed: [],
    last: null,
    freshWindow: 0,
    keptWindow: 6,
    freshTable: 0,
    kept: 6,
  })
  after.absorb(
    migrated,
    eventOf({ event: 'A', timestamp: startMs + 4 * hourMs, properties: { n: 4 } }),
    contextOf(),
  )
  const { keptWindow, freshWindow, kept } = after.row(migrated).features
  assert.equal([keptWindow, freshWindow, kept], [9, 1, 10])
})

test('a state that no job encoded is refused, saying what was found', () => {
  const job = defineJob({ ...base, features: { views3h: count({ over: '3h', every: '1h' }) } })
  const places = new StateReader(encodedAlone(job, job.create()), 9).text()
  const good: unknown[] = [places, 0, [], [[1, 2]], []]
  const decoded = (value: unknown) => job.decode(new StateReader(new Uint8Array(), 0, { value }))
  assert.equal(decoded(good).tables, [[-1, 2]])
  const spoiled = [
    null,
    5,
    [],
    [...good, 1],
    good.with(1, 'x'),
    good.with(2, [1]),
    good.with(3, [[1]]),
    good.with(3, []),
    good.with(4, [[1]]),
  ]
  for (const encoded of spoiled)
    assert.throws(
      () => decoded(encoded),
      (error: unknown) =>
        error instanceof JobError &&
        error.code === 'unknown_state' &&
        error.message.includes('found'),
      JSON.stringify(encoded),
    )
})

test.run()
