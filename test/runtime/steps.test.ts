import { timerHand } from '../../runtime/hand.ts'
import { nextOffset } from '../../runtime/log.ts'
import { Steps } from '../../runtime/steps.ts'
import { Watermark } from '../../runtime/watermark.ts'
import { assert, suite } from '../harness.ts'

const test = suite('steps, and the watermark')
const steps = (tries: number, handDeaths: number, next: number) =>
  new Steps({ tries, handDeaths, next: nextOffset(next) })

test('are taken from the second death without progress on', () => {
  assert.not.ok(steps(0, 0, 7).active)
  assert.not.ok(steps(1, 0, 7).active)
  assert.ok(steps(2, 0, 7).active)
})

test('announce each record once before it is taken', () => {
  const after = steps(2, 0, 7)
  assert.ok(after.mustAnnounce(7))
  after.announce(7)
  assert.not.ok(after.mustAnnounce(7))
  after.took()
  assert.ok(after.mustAnnounce(8))
})

test('pass over the record that was announced and in hand at three deaths, and no other', () => {
  const after = steps(5, 3, 7)
  assert.ok(after.kills(7))
  assert.not.ok(after.mustAnnounce(7))
  assert.not.ok(after.kills(8))
  assert.ok(after.mustAnnounce(8))
  assert.not.ok(steps(9, 2, 7).kills(7), 'something else killed the process, too')
})

test('end after two hundred records', () => {
  const after = steps(2, 0, 0)
  for (let taken = 0; taken < 200; taken++) {
    assert.ok(after.active)
    after.took()
  }
  assert.not.ok(after.active)
  assert.not.ok(after.mustAnnounce(200))
})

const hand = timerHand({ time: 5_000 }, 'ann')
const other = timerHand({ time: 5_000 }, 'bob')
const told: number[] = []
const suspecting = (tries: number, handDeaths: number, suspect: number) =>
  new Steps(
    { tries, handDeaths, suspect, next: nextOffset(7) },
    { tell: offset => void told.push(offset) },
  )

test('announce each timer too, once all before it is committed, and the witness is told', () => {
  const after = suspecting(2, 0, -1)
  assert.is(after.judge(hand, false), 'hold')
  after.announce(hand)
  assert.is(after.judge(hand, false), 'hold')
  assert.is(after.judge(other, true), 'hold')
  told.length = 0
  assert.is(after.judge(hand, true), 'fire')
  after.fired()
  assert.equal(told, [hand, -1])
  assert.is(after.judge(hand, true), 'hold', 'another timer of the same time')
  assert.is(suspecting(1, 0, -1).judge(hand, false), 'fire')
})

test('pass over the timer that was in hand at three deaths, also where records went on meanwhile', () => {
  const after = suspecting(0, 3, hand)
  assert.not.ok(after.active)
  assert.is(after.judge(other, false), 'hold')
  assert.equal(after.suspicion(9), { suspect: hand, handDeaths: 3 })
  assert.is(after.judge(hand, true), 'kills_process')
  assert.equal(after.suspicion(9), { handDeaths: 0 })
  assert.is(after.judge(other, false), 'fire', 'nothing else is suspected')
  assert.equal(suspecting(3, 2, 7).suspicion(7), { suspect: 7, handDeaths: 2 })
  assert.equal(suspecting(3, 2, 7).suspicion(8), { handDeaths: 0 })
})

test('watch two thousand timers at most', () => {
  const after = suspecting(0, 2, hand)
  for (let fired = 0; fired < 2_000; fired++) {
    assert.is(after.judge(other, true), 'hold')
    after.announce(other)
    assert.is(after.judge(other, true), 'fire')
    after.fired()
  }
  assert.is(after.judge(other, false), 'fire')
  assert.equal(after.suspicion(7), { handDeaths: 0 })
})

test('the watermark follows the newest event time, and never goes back', () => {
  const watermark = new Watermark(30, undefined)
  assert.is(watermark.time, undefined)
  assert.ok(watermark.observe(100))
  assert.is(watermark.time, 70)
  assert.not.ok(watermark.observe(100))
  assert.not.ok(watermark.observe(50))
  assert.is(watermark.time, 70)
  assert.ok(watermark.observe(101))
  assert.is(watermark.time, 71)
  assert.is(new Watermark(30, 500).time, 500)
})

test.run()
