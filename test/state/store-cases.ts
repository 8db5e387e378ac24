import fc from 'fast-check'
import type { Slice, Store, StoreProgress, TimerEntry } from '../../state/store.ts'
import { StoreError } from '../../state/store.ts'
import { assert, type Suite } from '../harness.ts'

/** Opens an empty store. */
export type OpenStore = () => Promise<Store>

const bytes = (...values: number[]) => Uint8Array.from(values)
const progress = (complete: number): StoreProgress => ({
  history: 'h1',
  complete,
  newest: complete,
  writtenAt: 1_700_000_000_000,
})

function slice(parts: Partial<Slice>): Slice {
  return { states: [], timersAdded: [], timersRemoved: [], progress: progress(0), ...parts }
}

/** What every store must do. */
export function storeCases(test: Suite, open: OpenStore): void {
  const withStore = async (body: (store: Store) => Promise<void>) => {
    const store = await open()
    try {
      await body(store)
    } finally {
      await store.destroy()
    }
  }

  test('a new store holds nothing and has come nowhere', () =>
    withStore(async store => {
      assert.is(store.get('ada'), undefined)
      assert.is(store.progress, undefined)
      assert.equal(store.timers(undefined, Number.MAX_SAFE_INTEGER, 10), [])
      assert.equal(await allOf(store), [])
    }))

  test('what was written is read: the newest bytes of each key, and the progress', () =>
    withStore(async store => {
      await store.write(
        slice({
          states: [
            ['ada', bytes(1, 2)],
            ['bob', bytes(3)],
          ],
          progress: progress(7),
        }),
      )
      await store.write(
        slice({
          states: [
            ['ada', bytes(9)],
            ['', bytes(0)],
          ],
          progress: progress(8),
        }),
      )
      assert.equal(plain(store.get('ada')), [9])
      assert.equal(plain(store.get('bob')), [3])
      assert.equal(plain(store.get('')), [0])
      assert.equal(store.progress, progress(8))
    }))

  test('a state written as undefined is gone', () =>
    withStore(async store => {
      await store.write(slice({ states: [['ada', bytes(1)]] }))
      await store.write(
        slice({
          states: [
            ['ada', undefined],
            ['never', undefined],
          ],
        }),
      )
      assert.is(store.get('ada'), undefined)
      assert.equal(await allOf(store), [])
    }))

  test('keys that look like the inside of the store are keys like any other', () =>
    withStore(async store => {
      const names = ['p', 'f', 's', 't', 'sada', '\u0000', 'ÿ', '日本', '😀']
      await store.write(
        slice({ states: names.map(name => [name, bytes(name.length)]), progress: progress(3) }),
      )
      for (const name of names) assert.equal(plain(store.get(name)), [name.length], name)
      assert.equal(store.progress, progress(3))
      assert.is((await allOf(store)).length, names.length)
    }))

  test('entries and timers are in the order of the UTF-8 bytes, not of UTF-16', () =>
    withStore(async store => {
      const names = ['a', 'é', '\uffee', '😀', 'ab', '\ue000', 'z']
      const sorted = [...names].sort((left, right) =>
        Buffer.compare(Buffer.from(left), Buffer.from(right)),
      )
      assert.not.equal(sorted, [...names].sort())
      await store.write(
        slice({
          states: names.map(name => [name, bytes(1)]),
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

  test('many more timers than a page holds are walked without a gap, also while some are removed and added', () =>
    withStore(async store => {
      const timer = (index: number): TimerEntry => ({ time: index, key: `user ${index % 7}` })
      const timers = Array.from({ length: 20_000 }, (_, index) => timer(index * 2))
      await store.write(slice({ timersAdded: timers }))
      assert.equal(await walk(store, 40_000, 700), timers)
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
      assert.is(
        seen.filter(entry => entry.time % 2 === 0).length +
          seen.filter(entry => entry.time % 2 === 1).length,
        seen.length,
      )
      const left = await walk(store, 80_000, 1_000)
      const even = [...seen, ...left].filter(entry => entry.time % 2 === 0)
      assert.equal(even, timers)
    }))

  test('entries are those of the moment when reading began', () =>
    withStore(async store => {
      await store.write(
        slice({
          states: [
            ['a', bytes(1)],
            ['b', bytes(2)],
          ],
        }),
      )
      const seen: string[] = []
      for await (const [key] of store.entries()) {
        seen.push(key)
        if (key === 'a')
          await store.write(
            slice({
              states: [
                ['c', bytes(3)],
                ['b', undefined],
              ],
            }),
          )
      }
      assert.equal(seen, ['a', 'b'])
    }))

  test('what it does equals what a Map does, for any sequence of slices', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anySlice(), { maxLength: 8 }),
        fc.nat(30),
        fc.integer({ min: 1, max: 6 }),
        async (slices, upTo, limit) =>
          withStore(async store => {
            const model = naiveStore()
            for (const each of slices) {
              await store.write(each)
              model.write(each)
            }
            assert.equal(await allOf(store), model.states())
            for (const [key, value] of model.states()) assert.equal(plain(store.get(key)), value)
            assert.equal(await walk(store, upTo, limit), model.timers(upTo))
            assert.equal(store.progress, slices.at(-1)?.progress)
          }),
      ),
      { numRuns: 60 },
    ))

  test('after it is closed every call says so, and closing again is nothing', () =>
    withStore(async store => {
      await store.write(slice({ states: [['ada', bytes(1)]] }))
      await store.close()
      await store.close()
      assert.throws(() => store.get('ada'), isClosed)
      assert.throws(() => store.timers(undefined, 1, 1), isClosed)
      for (const call of [
        () => store.write(slice({})),
        () => allOf(store),
        () => store.sizeBytes(),
        () => store.loadTimers(undefined),
      ])
        await call().then(
          () => assert.unreachable('a closed store answered'),
          error => assert.ok(isClosed(error), String(error)),
        )
    }))
}

function isClosed(error: unknown): boolean {
  return (
    error instanceof StoreError &&
    error.code === 'failed' &&
    error.message.includes('after it was closed')
  )
}

function plain(value: Uint8Array | undefined): number[] | undefined {
  return value && [...value]
}

export async function allOf(store: Store): Promise<[string, number[]][]> {
  const all: [string, number[]][] = []
  for await (const [key, value] of store.entries()) all.push([key, [...value]])
  return all
}

/** All due timers, asked for in steps of `limit`. */
export async function walk(store: Store, upTo: number, limit: number): Promise<TimerEntry[]> {
  const all: TimerEntry[] = []
  for (;;) {
    const found = store.timers(all.at(-1), upTo, limit)
    if (found === undefined) {
      await store.loadTimers(all.at(-1))
      continue
    }
    all.push(...found)
    if (found.length < limit) return all
  }
}

const anyKey = () => fc.constantFrom('', 'a', 'aa', 'b', 'é', '\uffee', '😀')
const anyTimer = () => fc.record({ time: fc.nat(30), key: anyKey() }, { noNullPrototype: true })

function anySlice(): fc.Arbitrary<Slice> {
  return fc.record(
    {
      states: fc.array(
        fc.tuple(anyKey(), fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined })),
      ),
      timersAdded: fc.array(anyTimer()),
      timersRemoved: fc.array(anyTimer()),
      progress: fc.nat().map(progress),
    },
    { noNullPrototype: true },
  )
}

function naiveStore() {
  const states = new Map<string, Uint8Array>()
  const timers = new Map<string, TimerEntry>()
  const name = (timer: TimerEntry) => `${timer.time} ${timer.key}`
  const utf8Order = (left: string, right: string) =>
    Buffer.compare(Buffer.from(left), Buffer.from(right))
  return {
    write(each: Slice) {
      for (const [key, value] of each.states)
        value === undefined ? states.delete(key) : states.set(key, value)
      for (const timer of each.timersRemoved) timers.delete(name(timer))
      for (const timer of each.timersAdded) timers.set(name(timer), timer)
    },
    states: () =>
      [...states]
        .map(([key, value]) => [key, [...value]] as [string, number[]])
        .sort((a, b) => utf8Order(a[0], b[0])),
    timers: (upTo: number) =>
      [...timers.values()]
        .filter(timer => timer.time <= upTo)
        .sort((a, b) => a.time - b.time || utf8Order(a.key, b.key)),
  }
}
