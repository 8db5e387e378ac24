import fc from 'fast-check'
import {
  count,
  defineJob,
  distinct,
  firstTime,
  lastDistinct,
  lastTime,
  sum,
} from '../../jobs/define-job.ts'
import type { Event } from '../../jobs/event.ts'
import type { Feature } from '../../jobs/feature.ts'
import { type Job, JobError } from '../../jobs/job.ts'
import type { JobState } from '../../jobs/layout.ts'
import { decodedAlone, encodedAlone } from '../../jobs/state-bytes.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'
import { distinctTwin, lastDistinctTwin, type Twin, timeTwin, totalTwin } from './twin.ts'

const test = suite('features')

const hourMs = 3_600_000
const startMs = 480_000 * hourMs

for (const decay of ['event', 'time'] as const)
  test(`with decay: '${decay}', every feature equals its naive twin after every step, for any job and any events`, () => {
    fc.assert(
      fc.property(
        anyFeatures(),
        fc.array(anyStep(), { minLength: 1, maxLength: 40 }),
        (pairs, steps) => {
          const job = jobOf(pairs, decay)
          let state = job.create()
          const taken: Event[] = []
          let now = Number.NEGATIVE_INFINITY
          for (const step of steps) {
            if (step.kind === 'encoded') state = recoded(job, state)
            if (step.kind === 'advance' && decay === 'time') {
              now = Math.max(now, step.time)
              fireUpTo(job, state, now)
            }
            if (
              step.kind === 'event' &&
              absorbed(job, state, step.event, decay === 'time' ? now : undefined)
            ) {
              taken.push(step.event)
              now = Math.max(now, step.event.timestamp)
              fireUpTo(job, state, now)
            }
            for (const [index, { twin }] of pairs.entries())
              assert.equal(job.row(state).features[`f${index}`], twin(taken, now), `f${index}`)
          }
        },
      ),
      { numRuns: 400 },
    )
  })

test('a sum of doubles in a window leaves no rounding error behind', () => {
  const job = jobOf(
    [{ feature: sum({ value: 'amount', over: '2h', every: '1h' }), twin: () => 0 }],
    'event',
  )
  const state = job.create()
  for (let hour = 0; hour < 1_000; hour++)
    job.absorb(
      state,
      eventOf({ timestamp: startMs + hour * hourMs, properties: { amount: 0.1 * (hour % 7) } }),
      contextOf(),
    )
  const late = startMs + 2_000 * hourMs
  job.absorb(state, eventOf({ timestamp: late, properties: { amount: 0 } }), contextOf())
  assert.is(job.row(state).features.f0, 0)
})

/** Encoded and decoded; encoding changes nothing. */
function recoded(job: Job<JobState>, state: JobState): JobState {
  const before = structuredClone(state)
  const bytes = encodedAlone(job, state)
  assert.equal(state, before)
  const decoded = decodedAlone(job, bytes)
  assert.equal(decoded, before)
  return decoded
}

/** Takes the event, or shows that a refused one changed nothing. */
function absorbed(
  job: Job<JobState>,
  state: JobState,
  event: Event,
  watermark: number | undefined,
): boolean {
  const before = structuredClone(state)
  try {
    job.absorb(state, event, contextOf(watermark))
    return true
  } catch (error) {
    assert.instance(error, JobError)
    assert.equal(state, before)
    return false
  }
}

function fireUpTo(job: Job<JobState>, state: JobState, time: number): void {
  let last = Number.NEGATIVE_INFINITY
  for (
    let timer = job.nextTimer(state);
    timer !== undefined && timer.time <= time;
    timer = job.nextTimer(state)
  ) {
    assert.ok(timer.time > last, 'a timer came again')
    last = timer.time
    job.fire(state, timer, contextOf(time))
  }
}

interface Pair {
  readonly feature: Feature
  readonly twin: Twin
}

function jobOf(pairs: readonly Pair[], decay: 'time' | 'event'): Job<JobState> {
  const features = Object.fromEntries(pairs.map(({ feature }, index) => [`f${index}`, feature]))
  return defineJob({ name: 'any', input: 'events', decay, features })
}

function anyFeatures(): fc.Arbitrary<Pair[]> {
  return fc.array(
    fc.tuple(anyWord(), anyChoice()).map(([word, choice]) => word(choice)),
    { minLength: 1, maxLength: 6 },
  )
}

interface AnyChoice {
  readonly of?: string[]
  readonly minus?: string[]
  readonly where?: (event: Event) => boolean
  readonly window?: { over: number; every: number }
}

function anyWord(): fc.Arbitrary<(choice: AnyChoice) => Pair> {
  const amount = (event: Event) => event.properties.amount as number
  return fc.oneof(
    fc.constant((choice: AnyChoice) => ({
      feature: count({ ...plain(choice), ...windowOf(choice) }),
      twin: totalTwin(twinOf(choice), () => 1),
    })),
    fc.constant((choice: AnyChoice) => ({
      feature: sum({ ...plain(choice), ...windowOf(choice), value: 'amount' }),
      twin: totalTwin(twinOf(choice), amount),
    })),
    fc
      .integer({ min: 1, max: 4 })
      .map(keep => ({ minus: _, window: __, ...choice }: AnyChoice) => ({
        feature: lastDistinct({ ...choice, value: event => event.properties.product, keep }),
        twin: lastDistinctTwin(choice, keep),
      })),
    fc.constant(({ minus: _, window: __, ...choice }: AnyChoice) => ({
      feature: distinct({ ...choice, value: 'product' }),
      twin: distinctTwin(choice),
    })),
    fc.constant(({ minus: _, window: __, ...choice }: AnyChoice) => ({
      feature: firstTime(choice),
      twin: timeTwin(choice, Math.min),
    })),
    fc.constant(({ minus: _, window: __, ...choice }: AnyChoice) => ({
      feature: lastTime(choice),
      twin: timeTwin(choice, Math.max),
    })),
  )
}

const isBig = (event: Event) => event.properties.big === true

function anyChoice(): fc.Arbitrary<AnyChoice> {
  const windows = fc.constantFrom(
    { over: 1, every: 1 },
    { over: 3, every: 1 },
    { over: 6, every: 2 },
    { over: 24, every: 6 },
  )
  return fc
    .record({
      names: fc.constantFrom<{ of?: string[]; minus?: string[] }>(
        {},
        { of: ['A'] },
        { of: ['A', 'B'] },
        { of: ['A', 'B'], minus: ['C'] },
      ),
      where: fc.boolean(),
      window: fc.option(windows, { nil: undefined }),
    })
    .map(({ names, where, window }) => ({
      ...names,
      ...(where && { where: isBig }),
      ...(window && { window }),
    }))
}

function plain({ window: _, ...choice }: AnyChoice): Omit<AnyChoice, 'window'> {
  return choice
}

function windowOf({ window }: AnyChoice): { over?: string; every?: string } {
  return window === undefined ? {} : { over: `${window.over}h`, every: `${window.every}h` }
}

function twinOf({ window, ...choice }: AnyChoice) {
  return window === undefined
    ? choice
    : { ...choice, overMs: window.over * hourMs, everyMs: window.every * hourMs }
}

type AnyStep =
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'encoded' }
  | { readonly kind: 'advance'; readonly time: number }

function anyStep(): fc.Arbitrary<AnyStep> {
  const time = fc.integer({ min: 0, max: 40 * 60 }).map(minutes => startMs + minutes * 60_000)
  const event = fc
    .record({
      name: fc.constantFrom('A', 'B', 'C', 'D'),
      time,
      product: fc.oneof(
        { weight: 20, arbitrary: fc.nat(6).map(number => `p${number}`) },
        { weight: 1, arbitrary: fc.constantFrom(null, {}, 'x'.repeat(300)) },
      ),
      amount: fc.oneof(
        { weight: 20, arbitrary: fc.integer({ min: -5, max: 5 }) },
        { weight: 1, arbitrary: fc.constantFrom('5', Number.NaN, undefined, 1e16) },
      ),
      big: fc.boolean(),
    })
    .map(({ name, time, ...properties }) => eventOf({ event: name, timestamp: time, properties }))
  return fc.oneof(
    { weight: 6, arbitrary: event.map(event => ({ kind: 'event', event }) as const) },
    { weight: 1, arbitrary: fc.constant({ kind: 'encoded' } as const) },
    { weight: 1, arbitrary: time.map(time => ({ kind: 'advance', time }) as const) },
  )
}

test.run()
