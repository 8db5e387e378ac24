import fc from 'fast-check'
import type { Job } from '../../jobs/job.ts'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { freezeCommit } from '../../runtime/commit.ts'
import { featureRow } from '../../runtime/outputs.ts'
import type { Progress } from '../../runtime/progress.ts'
import { assert, suite } from '../harness.ts'
import type { SimState } from '../simulator/sim-job.ts'
import { packedIn, unpacked } from '../simulator/unpacked.ts'
import { minute, pipelineOf, start } from './pipeline-world.ts'

const test = suite("a job with emit: 'every'")

/** It forgets a key when an event says so. */
function worldOf(early = false) {
  const change = (job: Job<SimState>): Job<SimState> => ({
    ...job,
    emit: 'every',
    absorb(state, event, context) {
      if (event.properties.forget === true) context.drop()
      job.absorb(state, event, context)
    },
  })
  const world = pipelineOf({ early, change })
  const { job, states, pipeline } = world
  const freeze = (rowsAreOut = early) => {
    const task = { job, partition: 0 }
    const frozen = freezeCommit(task, states, pipeline.side.take(), {} as Progress, rowsAreOut)
    const rows = frozen.outputs.flat().filter(({ topic }) => topic === 'sim.features')
    return { frozen, rows: shown(rows.flatMap(({ records }) => unpacked(records))) }
  }
  return { ...world, freeze, early: () => shown(packedIn(states.takeEarlyRows())) }
}

const shown = (rows: readonly OutgoingRecord[]) =>
  rows.map(({ key, value }) => {
    const version = value === null ? 'gone' : JSON.parse(String(value)).version.join('.')
    return `${String(key)} ${version}`
  })
const forget = { properties: { forget: true } }

test('has a row for each event and timer of a commit, in order, and none for a repeat', () => {
  const { take, freeze, pipeline } = worldOf()
  take({ id: 'a' })
  take({ id: 'b', user: 'bob' })
  take({ id: 'c' })
  take({ id: 'c' })
  pipeline.fireDue(start + 24 * 60 * minute)
  const { rows, frozen } = freeze()
  assert.equal(rows.slice(0, 3), ['ann 0.0', 'bob 1.0', 'ann 2.0'])
  assert.ok(rows.length > 3 && rows.slice(3).every(row => /\.[1-9]/.test(row)))
  assert.is(frozen.rows, rows.length)
  assert.is(frozen.states.length, 2)
  assert.equal(freeze().rows, [])
})

test('has a tombstone where nothing is left of a key, after its rows', () => {
  const { take, freeze } = worldOf()
  take({ id: 'a' })
  take({ id: 'b', ...forget })
  assert.equal(freeze().rows, ['ann 0.0', 'ann gone'])
})

test('sends each row early where rows go out early, and none past a tombstone', () => {
  const { take, freeze, early, states } = worldOf(true)
  take({ id: 'a' })
  take({ id: 'b' })
  assert.equal(early(), ['ann 0.0', 'ann 1.0'])
  take({ id: 'c', ...forget })
  const { rows, frozen } = freeze()
  assert.equal(rows, ['ann gone'])
  take({ id: 'd' })
  take({ id: 'e', user: 'bob' })
  assert.equal(early(), ['bob 4.0'])
  states.committed(frozen.states, 1, start)
  assert.equal(early(), ['ann 3.0'])
  assert.equal(freeze().rows, [])
})

const anyAct = fc.oneof(
  { weight: 6, arbitrary: fc.record({ user: fc.constantFrom('ann', 'bob', 'cät') }) },
  { weight: 1, arbitrary: fc.record({ forgotten: fc.constantFrom('ann', 'bob', 'cät') }) },
  { weight: 2, arbitrary: fc.constantFrom('early', 'commit', 'committed') },
)

for (const isEarly of [false, true])
  test(`has rows as featureRow has them, each once and in order, ${isEarly ? 'early' : 'with commits'}`, () => {
    fc.assert(
      fc.property(fc.array(anyAct, { maxLength: 60 }), acts => {
        const { take, states, job, pipeline } = worldOf(isEarly)
        const wanted: OutgoingRecord[] = []
        const sent: OutgoingRecord[] = []
        const markDirty = states.markDirty.bind(states)
        states.markDirty = entity => {
          if (!entity.dropped) wanted.push(featureRow(job, entity))
          markDirty(entity)
        }
        let running: ReturnType<typeof freezeCommit<SimState>> | undefined
        const early = () => {
          if (isEarly) sent.push(...packedIn(states.takeEarlyRows()))
        }
        const commit = () => {
          if (running !== undefined) return
          early()
          const task = { job, partition: 0 }
          running = freezeCommit(task, states, pipeline.side.take(), {} as Progress, isEarly)
          const rows = running.outputs.flat().filter(({ topic }) => topic === 'sim.features')
          sent.push(...rows.flatMap(({ records }) => unpacked(records)))
        }
        const committed = () => {
          if (running !== undefined) states.committed(running.states, 1, start)
          running = undefined
        }
        for (const act of acts) {
          if (act === 'early') early()
          else if (act === 'commit') commit()
          else if (act === 'committed') committed()
          else if ('user' in act) take(act)
          else take({ user: act.forgotten, ...forget })
        }
        committed()
        commit()
        const bytesOf = ({ key, value, headers = [] }: OutgoingRecord) =>
          [key, value, ...headers.flat()].join('|')
        for (const user of ['ann', 'bob', 'cät']) {
          const own = sent.filter(({ key, value }) => String(key) === user && value !== null)
          const expected = wanted.filter(({ key }) => key === user)
          assert.equal(own.map(bytesOf), expected.map(bytesOf))
        }
      }),
      { numRuns: 60 },
    )
  })

test('waits for a commit when there are as many rows as one may carry', () => {
  const { take, states } = worldOf()
  for (let more = 0; more < 50_000 && !states.full; more++) take({})
  assert.ok(states.full)
  assert.is(states.dirtyKeys, 1)
})

test.run()
