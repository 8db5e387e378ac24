import fc from 'fast-check'
import { Timers } from '../../runtime/timers.ts'
import { memoryStore } from '../../state/memory-store.ts'
import type { Store, StoreProgress, TimerEntry } from '../../state/store.ts'
import { compareTimers } from '../../state/timer-order.ts'
import { assert, suite } from '../harness.ts'

const test = suite('timers')
const progress: StoreProgress = { history: 'h', complete: 0, newest: 0, writtenAt: 0 }
const keys = ['a', 'b', 'ä', '😀', '\uffee']
const timer = fc.record({ time: fc.nat(300), key: fc.constantFrom(...keys) })

type Act =
  | { do: 'set'; timer: TimerEntry }
  | { do: 'write' }
  | { do: 'fire'; upTo: number }
  | { do: 'shrink' }

const acts = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: timer.map((each): Act => ({ do: 'set', timer: each })) },
    { weight: 2, arbitrary: fc.constant<Act>({ do: 'write' }) },
    { weight: 2, arbitrary: fc.nat(400).map((upTo): Act => ({ do: 'fire', upTo })) },
    { weight: 1, arbitrary: fc.constant<Act>({ do: 'shrink' }) },
  ),
  { maxLength: 80 },
)

/**
 * Keys with one timer each, as the pipeline has them: the heap is told of each change, a checkpoint moves
 * the changes of before into the index, and what fires is what `current` says.
 */
class Twin {
  readonly current = new Map<string, number>()
  readonly indexed = new Map<string, number>()
  readonly timers: Timers
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
    this.timers = new Timers(store)
  }

  set({ time, key }: TimerEntry): void {
    this.current.set(key, time)
    this.timers.schedule(time, key)
  }

  async write(): Promise<void> {
    const entries = (from: Map<string, number>, other: Map<string, number>) =>
      [...from]
        .filter(([key, time]) => other.get(key) !== time)
        .map(([key, time]) => ({ time, key }))
    await this.#store.write({
      states: [],
      timersAdded: entries(this.current, this.indexed),
      timersRemoved: entries(this.indexed, this.current),
      progress,
    })
    this.indexed.clear()
    for (const [key, time] of this.current) this.indexed.set(key, time)
  }

  /** What fires at or before `upTo`, each key at most once for each of its times. */
  async fire(upTo: number): Promise<TimerEntry[]> {
    const fired: TimerEntry[] = []
    for (;;) {
      const due = this.timers.take(upTo)
      if (due === 'load') await this.timers.load()
      else if (!due) return fired
      else if (this.current.get(due.entry.key) === due.entry.time) {
        fired.push(due.entry)
        this.current.delete(due.entry.key)
      }
    }
  }

  shrink(): void {
    const unwritten = (key: string) => {
      const time = this.current.get(key)
      return time === this.indexed.get(key) ? undefined : time
    }
    this.timers.shrink(-250, unwritten) // negative: as if the heap had outgrown what is active
  }

  due(upTo: number): TimerEntry[] {
    return Array.from(this.current, ([key, time]) => ({ time, key }))
      .filter(({ time }) => time <= upTo)
      .sort(compareTimers)
  }
}

test('fire by time and key, none missing and none twice, wherever they lie', () =>
  fc.assert(
    fc.asyncProperty(acts, async script => {
      const twin = new Twin(memoryStore())
      for (const act of [...script, { do: 'fire', upTo: 1_000 } as const]) {
        if (act.do === 'set') twin.set(act.timer)
        else if (act.do === 'write') await twin.write()
        else if (act.do === 'shrink') twin.shrink()
        else {
          const expected = twin.due(act.upTo)
          assert.equal(await twin.fire(act.upTo), expected)
        }
      }
    }),
    { numRuns: 300 },
  ))

test('more of the index than a page holds comes out in order, merged with the heap', async () => {
  const store = memoryStore()
  const indexed = Array.from({ length: 1_000 }, (_, at) => ({ time: at * 2, key: `k${at}` }))
  await store.write({ states: [], timersAdded: indexed, timersRemoved: [], progress })
  const timers = new Timers(store)
  const fresh = Array.from({ length: 1_000 }, (_, at) => ({ time: at * 2 + 1, key: `f${at}` }))
  for (const { time, key } of [...fresh].reverse()) timers.schedule(time, key)
  const taken: TimerEntry[] = []
  for (;;) {
    const due = timers.take(1_500)
    if (!due || due === 'load') break
    assert.is(due.indexed, due.entry.key.startsWith('k'))
    taken.push(due.entry)
  }
  assert.equal(
    taken,
    [...indexed, ...fresh].filter(({ time }) => time <= 1_500).sort(compareTimers),
  )
})

test('forget what is at rest, once the heap has outgrown the keys that are not', async () => {
  const store = memoryStore()
  const timers = new Timers(store)
  const entries = Array.from({ length: 2_000 }, (_, at) => ({ time: 10 + at, key: `k${at}` }))
  for (const { time, key } of entries) timers.schedule(time, key)
  await store.write({ states: [], timersAdded: entries.slice(5), timersRemoved: [], progress })
  assert.is(timers.take(5), undefined)
  timers.shrink(400, () => undefined)
  assert.is(timers.size, 2_000, 'it shrank too early')
  timers.schedule(9, 'k3') // which k3 has moved on from
  timers.shrink(4, key => {
    const at = Number(key.slice(1))
    return at < 5 ? 10 + at : undefined
  })
  assert.is(timers.size, 5)
  const taken: string[] = []
  for (let due = timers.take(12_000); due && due !== 'load'; due = timers.take(12_000))
    taken.push(due.entry.key)
  assert.equal(
    taken,
    entries.map(({ key }) => key),
  )
})

test.run()
