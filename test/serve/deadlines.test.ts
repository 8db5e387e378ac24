import type { Clock } from '../../runtime/clock.ts'
import { Deadlines } from '../../serve/deadlines.ts'
import { assert, suite } from '../harness.ts'

const test = suite('deadlines')

/** Of which one sleep after the other ends as time passes. */
class HandClock implements Clock {
  time = 0
  sleeps = 0
  readonly #sleepers: { at: number; wake: () => void }[] = []
  now = () => this.time
  elapsed = () => this.time
  turn = () => new Promise<void>(resolve => setImmediate(resolve))
  every = () => () => undefined
  sleep(ms: number) {
    this.sleeps++
    return new Promise<void>(resolve => {
      this.#sleepers.push({ at: this.time + ms, wake: resolve })
    })
  }
  async passTo(time: number) {
    while (this.time < time) {
      this.time++
      for (const { at, wake } of this.#sleepers) if (at <= this.time) wake()
      await this.turn()
    }
  }
}

const never = new Promise<'made'>(() => undefined)

test('each wait ends at its own time, in whatever order they began', async () => {
  const clock = new HandClock()
  const deadlines = new Deadlines(clock)
  const ends: string[] = []
  const wait = (name: string, ms: number) =>
    deadlines.within(never, ms).then(answer => ends.push(`${name} ${answer} at ${clock.time}`))
  wait('a', 50)
  wait('b', 10)
  await clock.passTo(5)
  wait('c', 20)
  wait('d', 5)
  await clock.passTo(60)
  wait('e', 5)
  await clock.passTo(70)
  assert.equal(ends, [
    'b late at 10',
    'd late at 10',
    'c late at 25',
    'a late at 50',
    'e late at 65',
  ])
})

test('what is made in time, or fails, is answered at once; one sleep stands for many waits', async () => {
  const clock = new HandClock()
  const deadlines = new Deadlines(clock)
  for (let round = 0; round < 100; round++)
    assert.is(await deadlines.within(Promise.resolve('made'), 200), 'made')
  assert.is(clock.sleeps, 1)
  const failing = deadlines.within(Promise.reject(new Error('no')), 200)
  assert.is(await failing.catch((error: Error) => error.message), 'no')
  await clock.passTo(500)
  assert.is(await deadlines.within(Promise.resolve('made'), 200), 'made')
  assert.is(clock.sleeps, 2)
})

test.run()
