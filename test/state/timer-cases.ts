import type { Store, TimerEntry } from '../../state/store.ts'
import { assert, type Suite } from '../harness.ts'
import { allOf, slice, walk } from './store-model.ts'

/** What every store must do with timers. */
export function timerCases(
  test: Suite,
  withStore: (body: (store: Store) => Promise<void>) => Promise<void>,
): void {
  test('entries and timers are in the order of the UTF-8 bytes, not of UTF-16', () =>
    withStore(async store => {
      const names = ['a', 'é', '\uffee', '😀', 'ab', '\ue000', 'z']
      const sorted = [...names].sort((left, right) =>
        Buffer.compare(Buffer.from(left), Buffer.from(right)),
      )
      assert.not.equal(sorted, [...names].sort())
      await store.write(
        slice({
          states: names.map(name => [name, Uint8Array.of(1)]),
          timersAdded: names.map(key => ({ time: 5, key })),
        }),
      )
      assert.equal(
        (await allOf(store)).map(([key]) => key),
        sorted,
      )
      assert.equal(
        store.timers(undefined, 5, 10)?.map(timer => timer.key),
        sorted,
      )
    }))

  test('timers come by time, after the cursor, due at or before the given time, at most as many as asked', () =>
    withStore(async store => {
      const timer = (time: number, key: string): TimerEntry => ({ time, key })
      const large = 2 ** 41 + 1
      await store.write(
        slice({
          timersAdded: [
            timer(large, 'c'),
            timer(10, 'b'),
            timer(256, 'a'),
            timer(0, 'z'),
            timer(10, 'a'),
          ],
        }),
      )
      const all = [
        timer(0, 'z'),
        timer(10, 'a'),
        timer(10, 'b'),
        timer(256, 'a'),
        timer(large, 'c'),
      ]
      assert.equal(store.timers(undefined, large, 10), all)
      assert.equal(store.timers(undefined, large - 1, 10), all.slice(0, 4))
      assert.equal(store.timers(undefined, 10, 2), all.slice(0, 2))
      assert.equal(store.timers(timer(10, 'a'), large, 10), all.slice(2))
      assert.equal(store.timers(timer(10, 'aa'), large, 1), all.slice(2, 3))
      assert.equal(store.timers(timer(large, 'c'), large, 10), [])
    }))

  test('a timer that is removed and added in one slice stays', () =>
    withStore(async store => {
      const timer = { time: 10, key: 'ada' }
      await store.write(slice({ timersAdded: [timer] }))
      await store.write(slice({ timersAdded: [timer], timersRemoved: [timer] }))
      assert.equal(store.timers(undefined, 10, 10), [timer])
      await store.write(slice({ timersRemoved: [timer, { time: 11, key: 'never' }] }))
      assert.equal(store.timers(undefined, 10, 10), [])
    }))

  test('a timer at no whole time is refused, and nothing of its slice is written', () =>
    withStore(async store => {
      for (const time of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const states: [string, Uint8Array][] = [['ada', Uint8Array.of(1)]]
        await store.write(slice({ states, timersAdded: [{ time, key: 'ada' }] })).then(
          () => assert.unreachable(`a timer at ${time} was taken`),
          error => assert.instance(error, RangeError),
        )
      }
      assert.is(store.get('ada'), undefined)
      assert.is(store.progress, undefined)
    }))

  test('many more timers than a page holds are walked without a gap, also while some are removed and added', () =>
    withStore(async store => {
      const timer = (index: number): TimerEntry => ({ time: index, key: `user ${index % 7}` })
      const timers = Array.from({ length: 20_000 }, (_, index) => timer(index * 2))
      await store.write(slice({ timersAdded: timers }))
      assert.equal(await walk(store, 40_000, 700), timers)
      await store.loadTimers(undefined)
      const far = { time: 50_000, key: 'far' }
      await store.write(slice({ timersAdded: [far] }))
      assert.equal(await walk(store, 45_000, 700), timers)
      await store.write(slice({ timersRemoved: [far] }))
      await store.loadTimers(undefined)
      const seen: TimerEntry[] = []
      while (seen.length < 19_000) {
        const found = store.timers(seen.at(-1), 40_000, 1_000)
        if (found === undefined) await store.loadTimers(seen.at(-1))
        else {
          seen.push(...found)
          const next = seen.length * 2 + 1
          await store.write(
            slice({ timersRemoved: found, timersAdded: seen.length < 19_000 ? [timer(next)] : [] }),
          )
        }
      }
      assert.equal(
        seen,
        [...seen].sort((a, b) => a.time - b.time),
      )
      const left = await walk(store, 80_000, 1_000)
      const even = [...seen, ...left].filter(entry => entry.time % 2 === 0)
      assert.equal(even, timers)
    }))
}
