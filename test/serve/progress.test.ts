import {
  advanced,
  ageMsOf,
  fromStart,
  misfitOf,
  OUTLIVED_MS,
  outlived,
} from '../../serve/progress.ts'
import { standingOf, standingOfAbsence } from '../../serve/standing.ts'
import { assert, suite } from '../harness.ts'

const test = suite('progress')
const NOW = 1_800_000_000_000
const atEnd = { next: 10, atEnd: NOW, newest: NOW - 50, since: NOW }

test('an answer at the end makes the view new; one before it only as new as its newest record', () => {
  const begun = fromStart(0, NOW)
  assert.is(ageMsOf(begun, NOW), undefined)
  const behind = advanced(begun, { next: 5, end: 10, newest: NOW - 900, now: NOW + 10 })
  assert.is(ageMsOf(behind, NOW + 100), 1_000)
  const there = advanced(behind, { next: 10, end: 10, newest: 0, now: NOW + 200 })
  assert.is(ageMsOf(there, NOW + 250), 50)
  assert.is(ageMsOf(there, NOW + 60_200), 60_000)
})

test('records written under load keep a view young that never meets the end', () => {
  const behind = advanced(atEnd, { next: 20, end: 90, newest: NOW + 5_000, now: NOW + 5_030 })
  assert.is(ageMsOf(behind, NOW + 5_040), 40)
})

test('a record of the future does not make an age negative', () => {
  const early = advanced(atEnd, { next: 11, end: 11, newest: NOW + 99_000, now: NOW })
  assert.is(ageMsOf(early, NOW + 1), 0)
})

test('tombstones may be missing six days after the last time at the end, however quiet the topic', () => {
  assert.not.ok(outlived(atEnd, NOW + OUTLIVED_MS, 0))
  assert.ok(outlived(atEnd, NOW + OUTLIVED_MS + 1, 0))
  const quiet = advanced(atEnd, { next: 10, end: 10, newest: 0, now: NOW + OUTLIVED_MS })
  assert.not.ok(outlived(quiet, NOW + OUTLIVED_MS + 1, NOW + OUTLIVED_MS))
})

test('old records are no reason to stop reading from the start', () => {
  const begun = fromStart(0, NOW)
  const year = 365 * 86_400_000
  const behind = advanced(begun, { next: 5, end: 10, newest: NOW - year, now: NOW })
  assert.not.ok(outlived(behind, NOW + 1_000, NOW - year / 2))
  assert.not.ok(outlived(behind, NOW + 1_000, NOW))
})

test("the broker's time counts where ours is wrong, and a clock that went back far is not believed", () => {
  assert.ok(outlived(atEnd, NOW + 1_000, NOW + OUTLIVED_MS + 1))
  assert.ok(outlived(atEnd, NOW - 3_600_001, 0))
  assert.not.ok(outlived(atEnd, NOW - 1_000, 0))
})

test('a view is continued only where the topic still fits it', () => {
  const view = { topic: 'email.features', partitions: [atEnd, atEnd] }
  const misfit = (ranges: { start: number; end: number }[], now = NOW) =>
    misfitOf(view, 'email.features', ranges, now)
  const fits = { start: 0, end: 10 }
  assert.is(misfit([fits, { start: 10, end: 50 }]), undefined)
  assert.is(misfit([fits]), 'partitions')
  assert.is(misfit([fits, { start: 11, end: 50 }]), 'log_start')
  assert.is(misfit([fits, { start: 0, end: 9 }]), 'log_end')
  assert.is(misfit([fits, fits], NOW + OUTLIVED_MS + 1), 'too_old')
  assert.is(misfitOf(view, 'other.features', [fits, fits], NOW), 'topic')
  assert.is(misfitOf({ topic: '', partitions: [] }, 'email.features', [fits], NOW), 'new')
})

test('an answer is live while the view is caught up and young, else stale', () => {
  assert.equal(standingOf(atEnd, true, 5_000, NOW + 5_000), { source: 'live', ageMs: 5_000 })
  assert.equal(standingOf(atEnd, true, 5_000, NOW + 5_001), { source: 'stale', ageMs: 5_001 })
  assert.equal(standingOf(atEnd, false, 5_000, NOW), { source: 'stale', ageMs: 0 })
})

test('that a user is unknown is as old as the oldest partition, and not known before each was read', () => {
  const older = { ...atEnd, atEnd: NOW - 300, newest: 0 }
  assert.equal(standingOfAbsence([atEnd, older], true, 5_000, NOW), { source: 'live', ageMs: 300 })
  assert.is(standingOfAbsence([atEnd, fromStart(0, NOW)], true, 5_000, NOW), undefined)
  assert.is(standingOfAbsence([], false, 5_000, NOW), undefined)
})

test.run()
