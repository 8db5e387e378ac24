import type { TimerEntry } from '../../state/store.ts'
import { applyToPage, pageSize, type TimerPage, timersOfPage } from '../../state/timer-page.ts'
import { assert, suite } from '../harness.ts'
import { slice } from './store-model.ts'

const test = suite('timer page')

const timer = (time: number): TimerEntry => ({ time, key: 'ada' })
const timers = (count: number) => Array.from({ length: count }, (_, index) => timer(index))

test('it never holds more than two pages, and knows then that it is not whole', () => {
  const page: TimerPage = { after: undefined, whole: true, timers: [] }
  applyToPage(page, slice({ timersAdded: timers(2 * pageSize) }))
  assert.is(timersOfPage(page, timer(2 * pageSize - 1), 1e9, 10)?.length, 0)
  applyToPage(page, slice({ timersAdded: [timer(1e6)] }))
  assert.is(page.timers.length, pageSize)
  assert.is(timersOfPage(page, timer(pageSize - 1), 1e9, 10), undefined)
})

test('it answers only for its own stretch of the index', () => {
  const page: TimerPage = {
    after: timer(10),
    whole: false,
    timers: [timer(11), timer(12), timer(20)],
  }
  assert.is(timersOfPage(page, undefined, 15, 10), undefined)
  assert.is(timersOfPage(page, timer(9), 15, 10), undefined)
  assert.equal(timersOfPage(page, timer(10), 15, 10), [timer(11), timer(12)])
  assert.equal(timersOfPage(page, timer(10), 30, 3), [timer(11), timer(12), timer(20)])
  assert.is(timersOfPage(page, timer(10), 30, 4), undefined)
  assert.is(timersOfPage(page, timer(20), 20, 1), undefined)
})

test('what a slice changes outside of its stretch does not reach it', () => {
  const page: TimerPage = { after: timer(10), whole: false, timers: [timer(11), timer(20)] }
  applyToPage(
    page,
    slice({ timersAdded: [timer(5), timer(15), timer(25)], timersRemoved: [timer(30)] }),
  )
  assert.equal(page.timers, [timer(11), timer(15), timer(20)])
})

test('when its last timer goes it no longer answers for what lay before it', () => {
  const page: TimerPage = { after: undefined, whole: false, timers: [timer(11), timer(20)] }
  applyToPage(page, slice({ timersRemoved: [timer(11), timer(20)] }))
  assert.is(timersOfPage(page, undefined, 15, 10), undefined)
})

test.run()
