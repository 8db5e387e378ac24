import type { Clock } from '../../runtime/clock.ts'
import { fillMemory } from '../../serve/memory-fill.ts'
import { assert, suite } from '../harness.ts'

const test = suite('filling the memory of rows')

/** Sleeps pass at once, and are counted. */
class CountedClock implements Clock {
  time = 0
  now = () => this.time
  elapsed = () => this.time
  turn = () => Promise.resolve()
  every = () => () => undefined
  async sleep(ms: number, signal?: AbortSignal) {
    if (!signal?.aborted) this.time += ms
  }
}

/** Each step takes 2 ms; requests ask at a steady rate all the while. */
function stepsOf(clock: CountedClock, steps: number, askedPerMs: number) {
  const filled: string[] = []
  const view = {
    filled,
    newest: {
      get asked() {
        return clock.time * askedPerMs
      },
    },
    async fillAfter(key: string) {
      clock.time += 2
      filled.push(key)
      return filled.length === steps ? undefined : `u${filled.length}`
    },
  }
  return view as typeof view & Parameters<typeof fillMemory>[0]
}

test('it begins a second after the start, and goes on from key to key until there are no more', async () => {
  const clock = new CountedClock()
  const view = stepsOf(clock, 3, 0)
  await fillMemory(view, clock, new AbortController().signal)
  assert.equal(view.filled, ['', 'u1', 'u2'])
  assert.is(clock.time, 1_000 + 3 * (2 + 2))
})

test('in a burst of requests it takes little of the time', async () => {
  const clock = new CountedClock()
  await fillMemory(stepsOf(clock, 100, 5), clock, new AbortController().signal)
  assert.is(clock.time, 1_000 + 100 * (2 + 2 + 100))
})

test('it ends when it is told to', async () => {
  const clock = new CountedClock()
  const ending = new AbortController()
  const view = stepsOf(clock, 100, 0)
  const fillAfter = view.fillAfter
  view.fillAfter = async key => {
    if (key === 'u2') ending.abort()
    return fillAfter(key)
  }
  await fillMemory(view, clock, ending.signal)
  assert.equal(view.filled, ['', 'u1', 'u2'])
})

test('where the disk is broken it tries the same key again each second, and goes on when it is mended', async () => {
  const clock = new CountedClock()
  const view = stepsOf(clock, 3, 0)
  const { fillAfter } = view
  const tried: string[] = []
  view.fillAfter = key => {
    tried.push(key)
    return key === 'u1' && tried.length < 5 ? Promise.reject(new Error('no disk')) : fillAfter(key)
  }
  await fillMemory(view, clock, new AbortController().signal)
  assert.equal(tried, ['', 'u1', 'u1', 'u1', 'u1', 'u2'])
  assert.is(clock.time, 1_000 + 3 * (2 + 2) + 3 * 1_000)
})

test.run()
