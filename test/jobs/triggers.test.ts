import { after, count, crosses, defineJob, derive, process, sum } from '../../jobs/define-job.ts'
import type { Event } from '../../jobs/event.ts'
import { type Job, JobError } from '../../jobs/job.ts'
import { decodedAlone, encodedAlone } from '../../jobs/state-bytes.ts'
import { assert, suite } from '../harness.ts'
import { contextOf, eventOf } from './events.ts'

const test = suite('triggers, segments and processes')

const minute = 60_000
const base = { name: 'any', input: 'events' } as const

/** Runs one user through events (by time) and silence, encoding the state after each step. */
function drive<State>(job: Job<State>, decayNow?: number) {
  let state = job.create()
  const context = contextOf(decayNow)
  const recode = () => {
    state = decodedAlone(job, encodedAlone(job, state))
  }
  return {
    sent: context.sent,
    send(event: string, minutes: number, parts: Partial<Event> = {}) {
      job.absorb(state, eventOf({ event, timestamp: minutes * minute, ...parts }), context)
      recode()
    },
    advance(minutes: number) {
      for (
        let timer = job.nextTimer(state);
        timer && timer.time <= minutes * minute;
        timer = job.nextTimer(state)
      ) {
        job.fire(state, timer, context)
        recode()
      }
    },
    names: () =>
      context.sent.map(({ name, reason, time }) => `${name} ${reason} @${time / minute}`),
    row: () => job.row(state),
    encoded: () => encodedAlone(job, state),
  }
}

const views = count({ of: 'Product Viewed' })
const abandoned = after('60m', { from: 'Product Added', unless: 'Order Completed' })

test('after: a cart left alone fires once, at its hour after the latest add', () => {
  const user = drive(defineJob({ ...base, features: { views }, triggers: { abandoned } }))
  user.send('Product Added', 0)
  user.advance(59)
  user.send('Product Added', 59)
  user.advance(118)
  assert.equal(user.names(), [])
  user.advance(200)
  user.send('Product Viewed', 201)
  user.advance(1_000)
  assert.equal(user.names(), ['abandoned 60m after Product Added @119'])
})

test('after: what calls it off counts by event time, in whatever order it comes', () => {
  const user = drive(defineJob({ ...base, features: { views }, triggers: { abandoned } }))
  user.send('Order Completed', 10)
  user.send('Product Added', 5)
  user.advance(1_000)
  assert.equal(user.names(), [])
  user.send('Product Added', 2_000)
  user.send('Order Completed', 1_990)
  user.advance(3_000)
  assert.equal(user.names(), ['abandoned 60m after Product Added @2060'])
})

test('after: fires with decay "event" too, and leaves the windows where the user left them', () => {
  const features = { recent: count({ of: 'Product Viewed', over: '1h', every: '30m' }) }
  const job = defineJob({ ...base, decay: 'event', features, triggers: { abandoned } })
  const user = drive(job)
  user.send('Product Viewed', 0)
  user.send('Product Added', 1)
  user.advance(10_000)
  assert.is(user.sent.length, 1)
  assert.is(user.row().features.recent, 1)
})

test('crosses: fires when a feature gets beyond the threshold, and again only after it was back', () => {
  const features = { spend: sum({ of: 'Paid', value: 'amount', over: '1h', every: '30m' }) }
  const triggers = { big: crosses({ feature: 'spend', above: 100 }) }
  const user = drive(defineJob({ ...base, features, triggers }))
  const pay = (amount: number, at: number) => user.send('Paid', at, { properties: { amount } })
  pay(60, 1)
  pay(60, 2)
  pay(60, 3)
  assert.equal(user.names(), ['big spend above 100 @2'])
  user.advance(300)
  assert.is(user.row().features.spend, 0)
  pay(101, 301)
  assert.is(user.sent.length, 2)
})

test('segments: entering and leaving are sent once each, also when a timer does it; the row names them', () => {
  const features = { recent: count({ of: 'Product Viewed', over: '1h', every: '30m' }) }
  const segments = { busy: (row: Record<string, number>) => (row.recent ?? 0) >= 2 }
  const user = drive(defineJob({ ...base, features, segments }))
  for (const at of [1, 2, 3]) user.send('Product Viewed', at)
  assert.equal(user.row().segments, ['busy'])
  user.advance(500)
  assert.equal(user.row().segments, [])
  assert.equal(user.names(), ['busy entered @2', 'busy left @60'])
})

test('derive: makes a value of others, and null of what is no number', () => {
  const features = {
    spend: sum({ of: 'Paid', value: 'amount' }),
    orders: count({ of: 'Paid' }),
    perOrder: derive({ from: ['spend', 'orders'], value: (spend, orders) => spend / orders }),
  }
  const user = drive(defineJob({ ...base, features }))
  user.send('Other', 0)
  assert.is(user.row().features.perOrder, null)
  user.send('Paid', 1, { properties: { amount: 30 } })
  user.send('Paid', 2, { properties: { amount: 10 } })
  assert.is(user.row().features.perOrder, 20)
})

for (const [what, definition, code] of [
  [
    'a derived feature',
    {
      features: {
        views,
        broken: derive({
          from: 'views',
          value: v => {
            if (v === 2) throw new Error('no')
            return v
          },
        }),
      },
    },
    'value_threw',
  ],
  [
    'a segment',
    {
      features: { views },
      segments: {
        broken: (row: Record<string, number>) => {
          if (row.views === 2) throw new Error('no')
          return true
        },
      },
    },
    'segment_threw',
  ],
] as const)
  test(`what ${what} throws leaves the state as it was and names it`, () => {
    const user = drive(defineJob({ ...base, ...definition }))
    user.send('Product Viewed', 1)
    const before = user.encoded()
    assert.throws(
      () => user.send('Product Viewed', 2),
      (error: unknown) =>
        error instanceof JobError && error.code === code && /broken/.test(error.message),
    )
    assert.equal(user.encoded(), before)
  })

test('process: keeps any state, sets timers and sends triggers; what it throws leaves all as it was', () => {
  interface Streak {
    days: { length: number }
    last: string[]
  }
  const streak = process<Streak>({
    create: () => ({ days: { length: 0 }, last: [] }),
    on(state, event, { time, setTimer, emit }) {
      state.days.length++
      state.last.push(event.event)
      setTimer('lost', time + 60 * minute)
      if (event.event === 'Bad') throw new Error('in the middle')
      if (state.days.length === 2) emit('two')
    },
    timer(state, name, { emit }) {
      emit(`${name} after ${state.days.length}`)
      state.days.length = 0
    },
    value: state => state.days.length,
  })
  const user = drive(defineJob({ ...base, features: { streak } }))
  user.send('A', 0)
  user.send('B', 30)
  assert.throws(() => user.send('Bad', 40), /in the middle/)
  assert.is(user.row().features.streak, 2)
  user.advance(200)
  assert.is(user.row().features.streak, 0)
  assert.equal(user.names(), ['streak two @30', 'streak lost after 2 @90'])
})

test('purpose: events without consent do not reach the feature, and a withdrawal clears it', () => {
  const consent = (answer: boolean | undefined) => ({
    context: answer === undefined ? {} : { consent: { categoryPreferences: { Ads: answer } } },
  })
  const features = {
    all: count({ of: 'Product Viewed' }),
    ads: count({ of: 'Product Viewed', purpose: 'Ads' }),
    adsToday: count({ of: 'Product Viewed', purpose: 'Ads', over: '1d', every: '1h' }),
  }
  const user = drive(defineJob({ ...base, features }))
  user.send('Product Viewed', 1, consent(true))
  user.send('Product Viewed', 2, consent(undefined))
  assert.equal(user.row().features, { all: 2, ads: 1, adsToday: 1 })
  user.send('Other', 3, consent(false))
  assert.equal(user.row().features, { all: 2, ads: 0, adsToday: 0 })
  user.send('Product Viewed', 4, consent(true))
  assert.equal(user.row().features, { all: 3, ads: 1, adsToday: 1 })
})

test('a late event counts for what has no window, and for nothing else', () => {
  const features = { ever: count({}), today: count({ over: '1d', every: '1h' }) }
  const job = defineJob({ ...base, features })
  const state = job.create()
  job.absorb(state, eventOf({ timestamp: 500 * minute }), contextOf())
  const late = eventOf({ timestamp: 490 * minute })
  assert.ok(job.takesLate?.(late))
  job.absorb(state, late, { ...contextOf(500 * minute), late: true })
  assert.equal(job.row(state).features, { ever: 2, today: 1 })
  assert.not(defineJob({ ...base, features: { today: features.today } }).takesLate?.(late))
})

test.run()
