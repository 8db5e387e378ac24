import fc from 'fast-check'
import { type WorkloadEvent, workload } from '../../bench/events.ts'
import { hashOfFeatures } from '../../bench/features-hash.ts'
import type { UserFeatures } from '../../bench/naive.ts'
import { naiveFeatures } from '../../bench/naive.ts'
import peerJob from '../../bench/peer-job.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'

const test = suite('peer job')

test("the job says what the benchmark's naive twin says, for events in order and out of order", () => {
  const events = [...workload({ events: 4_000, users: 40, seed: 7 })].map(spread)
  same(events)
  fc.assert(fc.property(fc.shuffledSubarray(events, { minLength: 500, maxLength: 500 }), same), {
    numRuns: 10,
  })
})

/** The workload's thousand seconds as ten thousand hours, so that windows matter. */
function spread(event: WorkloadEvent, index: number): WorkloadEvent {
  return { ...event, timestamp: new Date(Date.UTC(2026, 2, 2) + index * 600_000).toISOString() }
}

function same(events: readonly WorkloadEvent[]): void {
  const expected = naiveFeatures(events)
  const found = jobFeatures(events)
  assert.is(found.length, expected.length)
  for (const [index, { spend7d, ...features }] of expected.entries()) {
    const { spend7d: foundSpend7d = Number.NaN, ...others } = found[index] ?? {}
    assert.equal(others, features)
    assert.ok(Math.abs(foundSpend7d - spend7d) < 1e-6)
  }
  assert.is(hashOfFeatures(found), hashOfFeatures(expected))
}

function jobFeatures(events: readonly WorkloadEvent[]): UserFeatures[] {
  const states = new Map<string, ReturnType<typeof peerJob.create>>()
  for (const { event, userId, timestamp, properties } of events) {
    const state = states.get(userId) ?? peerJob.create()
    states.set(userId, state)
    peerJob.absorb(
      state,
      eventOf({ event, userId, timestamp: Date.parse(timestamp), properties }),
      contextOf(),
    )
  }
  return Array.from(
    states,
    ([user, state]) => ({ user, ...peerJob.row(state).features }) as UserFeatures,
  )
}

test.run()
