import fc from 'fast-check'
import { type Store, StoreError } from '../../state/store.ts'
import { assert, type Suite } from '../harness.ts'
import { allOf, anySlice, naiveStore, plain, progress, slice, walk } from './store-model.ts'
import { timerCases } from './timer-cases.ts'

/** Opens an empty store. */
export type OpenStore = () => Promise<Store>

const bytes = (...values: number[]) => Uint8Array.from(values)

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

  timerCases(test, withStore)

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

  test('what was destroyed cannot be used', () =>
    withStore(async store => {
      await store.write(slice({ states: [['ada', bytes(1)]] }))
      await store.destroy()
      await store.destroy()
      assert.throws(() => store.get('ada'), isClosed)
    }))

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
