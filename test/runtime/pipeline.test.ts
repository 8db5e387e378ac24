import { timersPerCommit } from '../../runtime/pipeline.ts'
import { assert, suite } from '../harness.ts'
import { BOMB, POISON } from '../simulator/sim-job.ts'
import { packedIn } from '../simulator/unpacked.ts'
import { minute, pipelineOf, start } from './pipeline-world.ts'

const test = suite('pipeline')

test('an event is in hand, changes its user, and makes the version that of its offset', () => {
  const { take, states, hands, count } = pipelineOf({ era: 2 })
  take({})
  take({})
  assert.equal(hands, [0, 1])
  assert.is(count(), 2)
  const { offset, revision, eventAt } = states.get('ann')
  assert.equal([offset, revision, eventAt], [2 * 2 ** 44 + 1, 0, start])
  assert.is(states.dirtyKeys, 1)
})

test('a record that is none, or whose user lives elsewhere, is dead with a code, and the next one counts', () => {
  const { pipeline, records, take, codes, count } = pipelineOf({ partitions: 2 })
  pipeline.take(records({ key: 'ann', value: null }))
  pipeline.take(records({ key: 'ann', value: '{' }))
  pipeline.take(records({ key: 'ann', value: '{"timestamp":1}' }))
  pipeline.take(records({ key: 'ann', value: '{"userId":"ann"}' }))
  for (const user of ['ann', 'bob', 'cat', 'dan', 'eve', 'flo']) take({ user })
  const dead = codes()
  assert.equal(dead.slice(0, 4), ['not_decodable', 'not_decodable', 'no_user', 'no_time'])
  const elsewhere = dead.slice(4)
  assert.ok(elsewhere.length > 0 && elsewhere.length < 6)
  assert.ok(elsewhere.every(code => code === 'wrong_partition'))
  assert.is(pipeline.counts.events, 6 - elsewhere.length)
  assert.is(
    ['ann', 'bob', 'cat', 'dan', 'eve', 'flo'].reduce((sum, user) => sum + count(user), 0),
    6 - elsewhere.length,
  )
})

test('what the job throws at leaves state, ids and version as they were', () => {
  const { take, states, codes, count, pipeline } = pipelineOf()
  take({})
  take({ id: 'p', properties: { [POISON]: true } })
  assert.equal(codes(), ['poisoned'])
  assert.equal([count(), states.get('ann').offset], [1, 0])
  take({ id: 'p' })
  assert.is(count(), 2, 'its id was remembered')
  assert.is(pipeline.counts.duplicates, 0)
})

test('a repeat is dropped, and leaves no trace', () => {
  const { take, count, pipeline, commit, states } = pipelineOf()
  take({ id: 'a' })
  assert.equal(commit(), ['ann'])
  take({ id: 'a' })
  assert.equal([count(), pipeline.counts.duplicates, states.dirtyKeys], [1, 1, 0])
  take({ id: '' })
  take({ id: '' })
  assert.is(count(), 3, 'events without an id are never repeats')
})

test('an event behind watermark and lateness is late, one at the bound is not', () => {
  const { take, count, pipeline } = pipelineOf()
  take({ at: 10 * minute })
  const bound = 10 * minute - 5_000 - 2 * minute
  take({ at: bound })
  take({ at: bound - 1 })
  assert.equal([count(), pipeline.counts.late], [2, 1])
  const [late] = pipeline.side.take().late
  assert.equal(late?.headers?.slice(0, 1), [['error-code', 'late']])
})

test('an event that would make the state too large is dead, and the state is as it was', () => {
  const { take, count, codes, states, commit, job } = pipelineOf({
    stateBytesMax: 1_200,
    early: true,
  })
  const large = { ...job, encode: job.encode }
  assert.is(large.stateBytesMax, 1_200)
  take({ id: 'a' })
  const chain = states.get('ann').state.chain
  const grow = states.get('ann').state
  grow.timers.push(
    ...Array.from({ length: 60 }, (_, at) => ({ time: start + 1e9, name: `t${at}` })),
  )
  states.markDirty(states.get('ann'))
  states.encode(states.get('ann'))
  const timers = grow.timers.length
  // The next one exceeds it whatever it does: the state is near its most.
  for (let more = 0; (states.encode(states.get('ann'))?.length ?? 0) <= 1_190; more++)
    states.get('ann').state.timers.push({ time: start + 1e9, name: `u${more}` })
  const before = states.encode(states.get('ann'))
  take({ id: 'b' })
  assert.equal(codes(), ['state_too_large'])
  assert.equal(states.encode(states.get('ann')), before)
  assert.equal([count(), states.get('ann').state.chain, states.get('ann').offset], [1, chain, 0])
  assert.ok(timers > 60)
  assert.equal(
    packedIn(states.takeEarlyRows()).map(({ value }) => JSON.parse(String(value)).version),
    [[0, 0]],
    'the undone state would go out',
  )
  assert.equal(commit(), ['ann'])
  assert.not.ok(states.get('ann').committing)
})

test('an entity that is put back while its commit runs is released by it', () => {
  const { take, states, codes } = pipelineOf({ stateBytesMax: 1_200 })
  take({ id: 'a' })
  for (let more = 0; (states.encode(states.get('ann'))?.length ?? 0) <= 1_190; more++)
    states.get('ann').state.timers.push({ time: start + 1e9, name: `u${more}` })
  const frozen = states.freeze().map(entity => ({ entity, bytes: states.encode(entity) }))
  take({ id: 'b' })
  assert.equal(codes(), ['state_too_large'])
  assert.ok(states.get('ann').committing)
  states.committed(frozen, 1, start)
  assert.not.ok(states.get('ann').committing, 'it can never leave the cache')
})

test('timers fire by time, key and name, and count as revisions', () => {
  const { take, pipeline, states, watermark } = pipelineOf()
  take({ user: 'bob', at: 0 })
  take({ user: 'ann', at: 0 })
  assert.is(pipeline.fireDue(watermark.time ?? 0), 'done')
  assert.is(pipeline.counts.timers, 0)
  assert.is(pipeline.fireDue(start + 2 * minute), 'done')
  const fired = pipeline.side
    .take()
    .triggers.map(({ key, value }) => [key, JSON.parse(String(value)).trigger])
  assert.equal(
    fired.filter(([, name]) => name === 'silent'),
    [
      ['ann', 'silent'],
      ['bob', 'silent'],
    ],
  )
  assert.equal([states.get('ann').offset, states.get('ann').revision], [1, 1])
  assert.is(states.get('ann').asOf, start + 2 * minute)
})

test('a timer that throws is removed, dead with key, name and time, and the rest fires', () => {
  const { take, pipeline, states, codes } = pipelineOf()
  take({ properties: { [BOMB]: true } })
  assert.is(pipeline.fireDue(start + 10 * minute), 'done')
  const { dead } = { dead: pipeline.side.take().dead }
  assert.equal(
    dead.map(({ key }) => key),
    ['ann'],
  )
  assert.equal(JSON.parse(String(dead[0]?.value)), {
    key: 'ann',
    timer: 'bomb',
    time: start + minute,
  })
  assert.is(pipeline.counts.timers, 3)
  assert.equal(states.get('ann').state.timers, [])
  assert.equal(codes(), [])
})

test('a timer that was in hand when its lane died is passed over, and others wait until that is committed', () => {
  const first = pipelineOf()
  first.take({ user: 'ann' })
  first.take({ user: 'bob' })
  first.hands.length = 0
  first.pipeline.fireDue(start + 2 * minute)
  assert.is(first.hands.length, 2)
  const [ann, bob] = first.hands
  assert.ok(ann !== bob && Number(ann) < -1 && Number(bob) < -1)

  const again = pipelineOf({ poison: Number(ann) })
  again.take({ user: 'ann' })
  again.take({ user: 'bob' })
  const { pipeline } = again
  assert.is(pipeline.fireDue(start + 2 * minute), 'full')
  pipeline.committed() // one that began before
  assert.is(pipeline.fireDue(start + 2 * minute), 'full')
  pipeline.frozen()
  assert.is(pipeline.fireDue(start + 2 * minute), 'full')
  pipeline.committed()
  assert.is(pipeline.fireDue(start + 2 * minute), 'done')
  const { triggers, dead } = again.pipeline.side.take()
  assert.equal(
    dead.map(({ key, headers }) => [key, headers?.[0]?.[1]]),
    [['ann', 'kills_lane']],
  )
  const silent = triggers.filter(({ value }) => JSON.parse(String(value)).trigger === 'silent')
  assert.equal(
    silent.map(({ key }) => key),
    ['bob'],
  )
})

test('no more timers fire in one commit than may; the rest in the next', () => {
  const { take, pipeline, commit, timers } = pipelineOf({ cacheMax: 20_000 })
  const users = timersPerCommit + 10
  for (let user = 0; user < users; user++) take({ user: `u${user}` })
  pipeline.side.take()
  commit()
  assert.is(pipeline.fireDue(start + 2 * minute), 'full')
  assert.is(pipeline.counts.timers, timersPerCommit)
  assert.is(pipeline.fireDue(start + 2 * minute), 'full')
  assert.is(pipeline.counts.timers, timersPerCommit)
  assert.is(commit().length, timersPerCommit)
  assert.is(pipeline.fireDue(start + 2 * minute), 'done')
  assert.is(pipeline.counts.timers, users)
  assert.ok(timers.size > 0)
})

test('records that killed before go to the dead letters unprocessed', () => {
  const { pipeline, records, codes, states, hands } = pipelineOf()
  pipeline.skip(records({ key: 'ann', value: 'x' }), 'kills_lane')
  pipeline.skip(records({ key: 'ann', value: 'x' }), 'kills_process')
  assert.equal(codes(), ['kills_lane', 'kills_process'])
  assert.equal([states.dirtyKeys, hands.length], [0, 0])
})

test.run()
