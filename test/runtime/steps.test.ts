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
