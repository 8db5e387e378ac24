import type { Clock } from '../../runtime/clock.ts'
import { Watchdog } from '../../runtime/watchdog.ts'
import { assert, suite } from '../harness.ts'

const test = suite('watchdog')

/** A clock that is moved by hand, in steps of 10 ms. */
function handClock() {
  let time = 0
  const ticks = new Set<{ ms: number; next: number; tick: () => void | Promise<void> }>()
  const clock: Clock = {
    now: () => time,
    elapsed: () => time,
    sleep: () => Promise.reject(new Error('the watchdog sleeps')),
    turn: () => Promise.resolve(),
    every(ms, tick) {
      const entry = { ms, next: time + ms, tick }
      ticks.add(entry)
      return () => ticks.delete(entry)
    },
  }
  const pass = (ms: number) => {
    for (const end = time + ms; time < end; ) {
      time += 10
      for (const entry of ticks) {
        if (time < entry.next) continue
        entry.next += entry.ms
        void entry.tick()
      }
    }
  }
  return { clock, pass, ticking: () => ticks.size }
}

function watched(hangMs: number) {
  const hand = handClock()
  const hung: number[] = []
  const dog = new Watchdog(hand.clock, hangMs, index => hung.push(index))
  const lanes = [0, 1].map(index => {
    const lane = { count: 1, beats: () => lane.count }
    dog.watch(index, lane)
    return lane
  })
  return { ...hand, hung, dog, lanes }
}

test('tells of a lane that stands still, once for each such time, and of no other', () => {
  const { pass, hung, lanes } = watched(2_000)
  for (let second = 0; second < 10; second++) {
    pass(1_000)
    for (const lane of lanes) lane.count++
  }
  assert.equal(hung, [])
  for (let second = 0; second < 2; second++) {
    pass(1_000)
    if (lanes[1]) lanes[1].count++
  }
  assert.equal(hung, [])
  for (let second = 0; second < 2; second++) {
    pass(1_000)
    if (lanes[1]) lanes[1].count++
  }
  assert.equal(hung, [0])
})

test('waits three times as long for the first beat: code is being loaded', () => {
  const { clock, pass } = handClock()
  const hung: number[] = []
  const dog = new Watchdog(clock, 1_000, index => hung.push(index))
  dog.watch(4, { beats: () => 0 })
  pass(2_900)
  assert.equal(hung, [])
  pass(600)
  assert.equal(hung, [4])
})

test('says nothing of a lane that was forgotten, and nothing after it was stopped', () => {
  const { pass, hung, dog, ticking } = watched(1_000)
  dog.forget(0)
  pass(1_500)
  assert.equal(hung, [1])
  dog.stop()
  assert.is(ticking(), 0)
})

test.run()
