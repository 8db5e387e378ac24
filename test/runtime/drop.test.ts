import { createHash } from 'node:crypto'
import type { Job } from '../../jobs/job.ts'
import { type FrozenCommit, freezeCommit } from '../../runtime/commit.ts'
import { parseErasure } from '../../runtime/erased.ts'
import { featureRow } from '../../runtime/outputs.ts'
import type { Progress } from '../../runtime/progress.ts'
import { assert, suite } from '../harness.ts'
import type { SimState } from '../simulator/sim-job.ts'
import { packedIn, unpacked } from '../simulator/unpacked.ts'
import { minute, pipelineOf, start } from './pipeline-world.ts'

const test = suite('a dropped key')

/** A job that forgets a key when an event says so. */
const worldOf = (early = false) =>
  pipelineOf({
    early,
    change: (job: Job<SimState>): Job<SimState> => ({
      ...job,
      absorb(state, event, context) {
        if (event.properties.forget === true) context.drop()
        job.absorb(state, event, context)
      },
    }),
  })
const forget = { properties: { forget: true } }
const sentTo = (name: string, { outputs }: FrozenCommit<SimState>) =>
  outputs
    .flat()
    .filter(({ topic }) => topic.endsWith(`.${name}`))
    .flatMap(({ records }) => unpacked(records))
const rowsOf = (frozen: FrozenCommit<SimState>) => sentTo('features', frozen)

test('nothing is left of it: state, timers, ids; tombstones say so', async () => {
  const { take, states, job, pipeline, commit, checkpoint, store } = worldOf()
  take({ id: 'a' })
  commit()
  await states.checkpoint()
  assert.is(store.timers(undefined, start + 1e9, 10)?.length, 1)
  take({ id: 'b', ...forget })
  const frozen = freezeCommit(
    { job, partition: 0 },
    states,
    pipeline.side.take(),
    {} as Progress,
    false,
  )
  assert.equal(
    frozen.states.map(({ bytes }) => bytes),
    [null],
  )
  assert.equal(
    rowsOf(frozen).map(({ key, value }) => [String(key), value]),
    [['ann', null]],
  )
  const [erased] = sentTo('erased', frozen)
  assert.is(String(erased?.key), createHash('sha256').update('ann').digest('hex'))
  const erasure = { input: 'events', era: 0, offset: 1, at: start + 60 * minute }
  assert.equal(parseErasure(String(erased?.value)), erasure)
  states.committed(frozen.states, 9, start)
  assert.is(checkpoint.get('ann')?.bytes, null, 'the buffer hides what the store still has')
  assert.ok(store.get('ann'))
  await states.checkpoint()
  assert.is(store.get('ann'), undefined)
  assert.equal(store.timers(undefined, start + 1e9, 10), [])
  assert.is(pipeline.fireDue(start + 60 * minute), 'done')
  assert.is(pipeline.counts.timers, 0)
})

test('it begins anew when it comes back, with a version that goes on growing', () => {
  const { take, states, count } = worldOf()
  take({ id: 'a' })
  take({ id: 'b', ...forget })
  assert.is(count(), 0)
  take({ id: 'a' })
  assert.equal([count(), states.get('ann').offset], [1, 2])
  const [entity] = states.freeze()
  assert.ok(entity && states.encode(entity), 'what is there again is no tombstone')
})

test('its deletion is not lost where the next event is not taken', () => {
  const { take, states, commit, codes } = worldOf()
  take({ id: 'a' })
  take({ id: 'b', ...forget })
  take({ id: 'c', properties: { poison: true } })
  assert.equal(codes(), ['poisoned'])
  assert.is(states.encode(states.get('ann')), null)
  assert.equal(commit(), ['ann'])
})

test('where rows go out early its tombstone goes with the commit, and no later row overtakes it', () => {
  const { take, states, job, pipeline } = worldOf(true)
  const unsent = () => packedIn(states.takeEarlyRows()).map(({ key }) => String(key))
  take({ id: 'a' })
  assert.equal(unsent(), ['ann'])
  take({ id: 'b', ...forget })
  assert.equal(unsent(), [])
  const frozen = freezeCommit(
    { job, partition: 0 },
    states,
    pipeline.side.take(),
    {} as Progress,
    true,
  )
  assert.equal(
    rowsOf(frozen).map(({ value }) => value),
    [null],
  )
  take({ id: 'c' })
  take({ id: 'd', user: 'bob' })
  assert.equal(unsent(), ['bob'])
  states.committed(frozen.states, 1, start)
  assert.equal(unsent(), ['ann'])
})

test('a hidden key has a state and no row', () => {
  const { take, states, job } = worldOf()
  take({ id: 'a' })
  const hidden = { ...job, hidden: ({ count }: SimState) => count === 1 }
  assert.is(featureRow(hidden, states.get('ann')).value, null)
  take({ id: 'b' })
  assert.ok(featureRow(hidden, states.get('ann')).value)
})

test.run()
