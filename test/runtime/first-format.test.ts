import { inflateSync } from 'node:zlib'
import {
  count,
  defineJob,
  distinct,
  lastDistinct,
  process,
  sum,
  topK,
} from '../../jobs/define-job.ts'
import { decodeEntity, type Entity, encodeEntity, newEntity } from '../../runtime/entity.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from '../jobs/events.ts'

const test = suite('first format')

/** With every kind of place. */
const features = {
  events: count({}),
  spent: sum({ value: 'price', over: '7d', every: '1h' }),
  views: count({ of: 'Product Viewed', over: '7d', every: '1h' }),
  daily: count({ over: '30d', every: '1d' }),
  seen: lastDistinct({ value: 'id', keep: 3 }),
  best: topK({ value: 'id', k: 2, halfLife: '14d' }),
  ids: distinct({ value: 'id', exact: 2 }),
  own: process<{ names: string[]; last: number | null }>({
    create: () => ({ names: [], last: null }),
    on(state, { event, timestamp }, { setTimer }) {
      state.names.push(event ?? '')
      state.last = timestamp
      setTimer('later', timestamp + 3_600_000)
    },
    value: state => state,
  }),
}
const job = defineJob({ name: 'first-format', input: 'events', features })
const without = defineJob({
  name: 'first-format',
  input: 'events',
  features: { best: features.best, views: features.views, more: count({ of: 'Order Completed' }) },
})
const startMs = Date.UTC(2026, 0, 1)

/** Five events, as Millrace 0.1 encoded them before its states had format version 2; deflated here. */
const kept = inflateSync(
  Buffer.from(
    'eNpjdKrc3n02goFh+mmnDQxAwMLAcBoo1hFXgMFoucAwGyHkLCjCbOn3+8I5xtX2QJ5oXMCPyFk15xgd8h1OO6vf' +
      'eSDfdFboHMPV+Q2nnVWft95RWxJyjiHr/IHTzrbTGfnEFjxmmHZTJzOx1MmvpsrXMMo7I6rQ0lnHPyneuKzGxc+o' +
      'PL4mIK/KO77K0SyprKLKuSwYbvNE1knz2RkY2U47aDQwgAHLaQcLCJOR6bSDUwJElMGQcRID68TJS4uzS3UNwKQx' +
      'mDSaPHEm3DSI7Gn7//vOHnto9xSi7LT9+/smc6SKtkHUA7n7uq5w5uqDuYZA7jym1ujanIlHORhGweAGjKNBQF/A' +
      'NBSTxmgqGQWjYBSQDibfY2BampeYm1o8dV1AUX5KaXKJQlhmanlqyvrD0/KKs1NzMotLEhUezWgiTXpJTmJxCaKV' +
      'kpNYklp0GtZYAwChca9U',
    'base64',
  ),
)

function original(): Entity<ReturnType<typeof job.create>> {
  const entity = newEntity(job, 'ann')
  for (let index = 0; index < 5; index++) {
    const timestamp = startMs + index * 7_000_000
    const event = index % 2 === 0 ? 'Product Viewed' : 'Önskelista ☂'
    const messageId = `m-${index}`
    const properties = { price: 12.25 * index, id: `sku-${index % 4}` }
    job.absorb(entity.state, eventOf({ event, messageId, timestamp, properties }), contextOf())
    entity.recent.add(messageId, timestamp)
    Object.assign(entity, { offset: 2 ** 44 + index, revision: 0, asOf: timestamp })
    Object.assign(entity, { eventAt: timestamp, receivedAt: timestamp + 333 })
  }
  entity.timerAt = job.nextTimer(entity.state)?.time
  return entity
}

test('a state of format version 1 is read as what was encoded', () => {
  const expected = original()
  assert.is(kept[0], 1)
  const entity = decodeEntity(job, 'ann', kept)
  assert.equal(job.row(entity.state), job.row(expected.state))
  for (const field of ['offset', 'revision', 'asOf', 'eventAt', 'receivedAt', 'timerAt'] as const)
    assert.is(entity[field], expected[field], field)
  for (let index = 0; index < 6; index++)
    assert.is(entity.recent.seen(`m-${index}`, startMs + 28_000_000), index < 5)
  assert.equal(encodeEntity(job, entity), encodeEntity(job, expected))
})

test('a state of format version 1 goes on place by place in a changed job', () => {
  const before = decodeEntity(job, 'ann', kept)
  const { best, views } = job.row(before.state).features
  const after = decodeEntity(without, 'ann', kept)
  assert.equal(without.row(after.state).features, { best, views, more: 0 })
  assert.is(views, 3)
})

test('what is read is what was written, in fewer bytes', () => {
  const entity = original()
  const bytes = encodeEntity(job, entity)
  const again = decodeEntity(job, 'ann', bytes)
  assert.equal(again.state, entity.state)
  assert.equal(encodeEntity(job, again), bytes)
  assert.ok(bytes.length < kept.length - 50, `${bytes.length} bytes, ${kept.length} before`)
})

test.run()
