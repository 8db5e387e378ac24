import fc from 'fast-check'
import { defineJob } from '../../jobs/define-job.ts'
import type { Event } from '../../jobs/event.ts'
import type { Job } from '../../jobs/job.ts'
import type { JobState } from '../../jobs/layout.ts'
import { decodedAlone, encodedAlone } from '../../jobs/state-bytes.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'
import { aggregates } from './naive-aggregate.ts'
import { windows } from './naive-window.ts'

const test = suite('every aggregate in every window')

const hourMs = 3_600_000
const startMs = 480_000 * hourMs

for (const decay of ['event', 'time'] as const)
  for (const [name, naive] of Object.entries(windows))
    test(`${name}, decay: '${decay}': each equals its naive twin after every event, whatever comes in whatever order`, () => {
      const known = Object.entries(aggregates).filter(
        ([word, { notInSessions }]) =>
          !(notInSessions && name === 'sessions') &&
          !(word === 'decayedCount' && name !== 'all time'),
      )
      const { window } = naive
      const features = Object.fromEntries(
        known.map(([word, { feature }]) => [word, feature(window === undefined ? {} : { window })]),
      )
      const job = defineJob({ name: 'any', input: 'events', decay, lateness: '30d', features })
      fc.assert(
        fc.property(fc.array(anyStep(), { minLength: 1, maxLength: 30 }), steps => {
          let state = job.create()
          const taken: Event[] = []
          let now = Number.NEGATIVE_INFINITY
          for (const step of steps) {
            if (step === 'encoded') state = decodedAlone(job, encodedAlone(job, state))
            else if (typeof step === 'number') {
              if (decay === 'event') continue
              now = Math.max(now, step)
              fireUpTo(job, state, now)
            } else {
              job.absorb(state, step, contextOf(decay === 'time' ? now : undefined))
              taken.push(step)
              now = Math.max(now, step.timestamp)
              fireUpTo(job, state, now)
            }
            if (!Number.isFinite(now)) continue
            const row = job.row(state).features
            // decayedCount's now is that of the state, which only events and timers move.
            for (const [word, { check, sees = () => true }] of known)
              check(
                row[word],
                naive.choose(taken, now, sees),
                word === 'decayedCount' ? state.now : now,
              )
          }
        }),
        { numRuns: 100 },
      )
    })

test('a state merged from two is the state of both histories, for every aggregate in every window', () => {
  const pairs = Object.entries(windows).flatMap(([name, naive]) =>
    Object.entries(aggregates)
      .filter(([word]) => word !== 'lastDistinct' && word !== 'lastValue' && word !== 'firstValue')
      .filter(([word]) => word !== 'decayedCount' || name === 'all time')
      .map(([word, aggregate]) => ({
        name: `${word}_${name.replace(' ', '_')}`,
        aggregate,
        naive,
      })),
  )
  const job = defineJob({
    ...{ name: 'any', input: 'events', decay: 'event', lateness: '30d' },
    features: Object.fromEntries(
      pairs.map(({ name, aggregate, naive: { window } }) => [
        name,
        aggregate.feature(window === undefined ? {} : { window }),
      ]),
    ),
  })
  const events = fc.array(anyEvent(true), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(events, events, (before, since) => {
      const [anonymous, own] = [before, since].map(taken => {
        const state = job.create()
        for (const event of taken) job.absorb(state, event, contextOf())
        return state
      }) as [JobState, JobState]
      job.merge(own, anonymous)
      const row = job.row(own).features
      const all = [...before, ...since]
      const now = Math.max(...all.map(event => event.timestamp))
      assert.is(own.now, now)
      for (const { name, aggregate, naive } of pairs)
        aggregate.check(row[name], naive.choose(all, now, aggregate.sees ?? (() => true)), now)
    }),
    { numRuns: 100 },
  )
})

function fireUpTo(job: Job<JobState>, state: JobState, time: number): void {
  let last = Number.NEGATIVE_INFINITY
  for (
    let timer = job.nextTimer(state);
    timer && timer.time <= time;
    timer = job.nextTimer(state)
  ) {
    assert.ok(timer.time > last, 'a timer came again')
    last = timer.time
    job.fire(state, timer, contextOf(time))
  }
}

function anyEvent(oneZone = false): fc.Arbitrary<Event> {
  return fc
    .record({
      name: fc.constantFrom('A', 'B', 'C', 'D'),
      minutes: fc.integer({ min: 0, max: 60 * 60 }),
      product: fc.nat(6).map(number => `p${number}`),
      amount: fc.integer({ min: -5, max: 5 }),
      timezone: oneZone ? fc.constant('Etc/GMT-3') : fc.constantFrom('', 'Etc/GMT-3', 'Etc/GMT-11'),
    })
    .map(({ name, minutes, timezone, ...properties }) =>
      eventOf({
        event: name,
        timestamp: startMs + minutes * 60_000,
        properties,
        context: timezone === '' ? {} : { timezone },
      }),
    )
}

function anyStep(): fc.Arbitrary<Event | 'encoded' | number> {
  const time = fc.integer({ min: 0, max: 70 * 60 }).map(minutes => startMs + minutes * 60_000)
  return fc.oneof(
    { weight: 8, arbitrary: anyEvent() },
    { weight: 1, arbitrary: fc.constant('encoded' as const) },
    { weight: 1, arbitrary: time },
  )
}

test.run()
