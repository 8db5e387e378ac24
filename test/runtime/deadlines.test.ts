import type { Clock } from '../../runtime/clock.ts'
import { Deadlines } from '../../runtime/deadlines.ts'
import { assert, suite } from '../harness.ts'

const test = suite('deadlines')

/** Of which one sleep after the other ends as time passes. */
class HandClock implements Clock {
  time = 0
  sleeps = 0
  /** Of the newest sleep. */
  signal: AbortSignal | undefined
  readonly #sleepers: { at: number; wake: () => void }[] = []
  now = () => this.time
  elapsed = () => this.time
  turn = () => new Promise<void>(resolve => setImmediate(resolve))
  every = () => () => undefined
  sleep(ms: number, signal?: AbortSignal) {
    this.sleeps++
    this.signal = signal
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

test('closing ends the sleep, and leaves what waits to its own end', async () => {
  const clock = new HandClock()
  const deadlines = new Deadlines(clock)
  let make: (value: 'made') => void = () => undefined
  const waiting = deadlines.within(new Promise<'made'>(resolve => (make = resolve)), 10)
  deadlines.close()
  assert.is(clock.signal?.aborted, true)
  await clock.passTo(20)
  make('made')
  assert.is(await waiting, 'made')
})

test.run()
