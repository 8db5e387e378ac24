import fc from 'fast-check'
import { defineJob } from '../../jobs/define-job.ts'
import type { Event } from '../../jobs/event.ts'
import type { Job } from '../../jobs/job.ts'
import type { JobState } from '../../jobs/layout.ts'
import { decodedAlone, encodedAlone } from '../../jobs/state-bytes.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'
import { readyMade } from './naive-ready-made.ts'

const test = suite('features ready-made for email, against naive twins')

const minuteMs = 60_000
const startMs = Date.UTC(2026, 0, 1)

const words = Object.keys(readyMade) as (keyof typeof readyMade)[]

/** Names that each word looks at, so that a short history has many of them. */
const eventsOf: Readonly<Record<keyof typeof readyMade, readonly string[]>> = {
  cart: [
    ...['Product Added', 'Product Added', 'Product Removed', 'Quantity Changed'],
    ...['Cart Updated', 'Order Completed'],
  ],
  wishlist: ['Product Added to Wishlist', 'Product Removed from Wishlist'],
  lastViewed: ['Product Viewed'],
  session: ['Product Viewed'],
  frequencyCap: ['Email Delivered'],
  rhythm: ['Order Completed'],
  rfm: ['Order Completed', 'Order Completed', 'Order Refunded'],
  lifetimeValue: ['Order Completed', 'Order Refunded'],
  engagement: ['Email Opened', 'Email Link Clicked'],
  bestHour: ['Email Opened', 'Email Link Clicked'],
  signUp: ['Signed Up', 'Email Confirmed', 'Unsubscribed', 'Email Marked as Spam'],
}

for (const word of words)
  test(`${word}: shows what its twin does after every event and every silence, whatever the order, through encoding`, () => {
    const job = jobOf(word)
    fc.assert(
      fc.property(steps(word), all => {
        let state = job.create()
        const taken: Event[] = []
        let now = Number.NEGATIVE_INFINITY
        for (const step of all) {
          if (step === 'encoded') state = recoded(job, state)
          else if (typeof step === 'number') now = Math.max(now, step)
          else {
            job.absorb(state, step, contextOf(Number.isFinite(now) ? now : undefined))
            taken.push(step)
            now = Math.max(now, step.timestamp)
          }
          fireUpTo(job, state, now)
          if (taken.length > 0) compare(job, state, word, taken, now)
        }
      }),
      { numRuns: 150 },
    )
  })

for (const word of words)
  test(`${word}: a state merged from two shows what both histories come to`, () => {
    const job = jobOf(word)
    const own = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(history(word), own, (events, isOwn) => {
        const split = [isOwn, isOwn.map(not => !not)].map(wanted => {
          const state = job.create()
          for (const [at, event] of events.entries())
            if (wanted[at]) job.absorb(state, event, contextOf())
          return state
        }) as [JobState, JobState]
        job.merge(...split)
        compare(job, split[0], word, events, Math.max(...events.map(one => one.timestamp)))
      }),
      { numRuns: 150 },
    )
  })

test('cart: a long history that comes in order is right too, though only the last changes of a line are kept', () => {
  const job = jobOf('cart')
  const long = fc.array(anyEvent('cart'), { minLength: 60, maxLength: 60 })
  fc.assert(
    fc.property(long, events => {
      const state = job.create()
      const sorted = [...events].sort((left, right) => left.timestamp - right.timestamp)
      const distinct = sorted.filter((one, at) => one.timestamp !== sorted[at - 1]?.timestamp)
      for (const event of distinct) job.absorb(state, event, contextOf())
      compare(job, state, 'cart', distinct, state.now)
    }),
    { numRuns: 100 },
  )
})

function jobOf(word: keyof typeof readyMade): Job<JobState> {
  const features = { [word]: readyMade[word].feature }
  return defineJob({ name: 'any', input: 'events', lateness: '60d', features })
}

function compare(
  job: Job<JobState>,
  state: JobState,
  word: keyof typeof readyMade,
  taken: readonly Event[],
  now: number,
): void {
  // A score that decays is as of the last step; all else is right at any moment.
  const at = word === 'engagement' ? state.now : now
  assert.equal(job.row(state).features[word], readyMade[word].twin(taken, at))
}

function recoded(job: Job<JobState>, state: JobState): JobState {
  return decodedAlone(job, encodedAlone(job, state))
}

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

function anyEvent(word: keyof typeof readyMade): fc.Arbitrary<Event> {
  const product = fc.record({
    product_id: fc.nat(4).map(number => `p${number}`),
    quantity: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  })
  // Of one product always the same.
  const priced = product.map(({ product_id, quantity }) => ({
    ...{ product_id, price: 1.5 + Number(product_id.slice(1)) },
    ...(quantity !== undefined && { quantity }),
  }))
  return fc
    .record({
      event: fc.constantFrom(...eventsOf[word]),
      minutes: fc.integer({ min: 0, max: 10 * 24 * 60 }),
      properties: priced,
      products: fc.array(
        priced.map(line => ({ quantity: 1, ...line })),
        { maxLength: 2 },
      ),
      cents: fc.integer({ min: 0, max: 1_500 }),
      verdict: fc.constantFrom('human', 'human', 'human', 'proxy', 'scanner'),
    })
    .map(({ event, minutes, properties, products, cents, verdict }) =>
      eventOf({
        event,
        timestamp: startMs + minutes * minuteMs,
        properties: { ...properties, products, revenue: cents / 100 },
        context: { classification: { verdict } },
      }),
    )
}

/** Each at its own time; short enough that no line of a cart forgets a change. */
function history(word: keyof typeof readyMade): fc.Arbitrary<Event[]> {
  return fc.uniqueArray(anyEvent(word), {
    ...{ minLength: 1, maxLength: 8 },
    selector: event => event.timestamp,
  })
}

function steps(word: keyof typeof readyMade): fc.Arbitrary<(Event | 'encoded' | number)[]> {
  const silence = fc
    .integer({ min: 0, max: 25 * 24 * 60 })
    .map(minutes => startMs + minutes * minuteMs)
  const others = fc.array(fc.oneof(silence, fc.constant('encoded' as const)), { maxLength: 4 })
  return fc
    .tuple(history(word), others, fc.infiniteStream(fc.nat(11)))
    .map(([events, between, places]) => {
      const all: (Event | 'encoded' | number)[] = [...events]
      for (const one of between) all.splice(places.next().value, 0, one)
      return all
    })
}

test.run()
