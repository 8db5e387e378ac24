import fc from 'fast-check'
import { Checkpoint } from '../../runtime/checkpoint.ts'
import { timerAt } from '../../state/codec.ts'
import { memoryStore } from '../../state/memory-store.ts'
import { PackedValues } from '../../state/packed-values.ts'
import type { Slice, Store, StoreProgress, TimerEntry } from '../../state/store.ts'
import { assert, suite } from '../harness.ts'
import { encodedValue } from '../state/encoded-value.ts'

const test = suite('checkpoint')
const beginning: StoreProgress = { history: 'h', complete: -1, newest: -1, writtenAt: 0 }

interface Change {
  readonly key: string
  readonly timer: number | undefined
}
const change = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  timer: fc.option(fc.nat(20), { nil: undefined }),
})
/** A commit (maybe of nothing but its marker), or a slice, maybe with a commit while it is being written. */
const act = fc.oneof(
  fc.record({ commit: fc.array(change, { maxLength: 5 }) }),
  fc.record({ slice: fc.option(fc.array(change, { maxLength: 5 }), { nil: undefined }) }),
)

/** The task's side as the runtime plays it: a changelog, and what each key's state and index entry are. */
class World {
  readonly store: Store
  readonly checkpoint: Checkpoint
  readonly changelog: (readonly [string, Uint8Array] | 'marker')[] = []
  readonly #newest = new Map<string, Uint8Array>()
  readonly #indexedAt = new Map<string, number | undefined>()
  /** Called while a slice is being written. */
  meanwhile: (() => void) | undefined
  #values = 0

  constructor() {
    const inner = memoryStore()
    const write = async (slice: Slice) => {
      const now = this.meanwhile
      this.meanwhile = undefined
      now?.()
      await Promise.resolve()
      await inner.write(slice)
    }
    this.store = Object.create(inner, { write: { value: write } }) as Store
    this.checkpoint = new Checkpoint(this.store, beginning)
  }

  commit(changes: readonly Change[]): void {
    const states = [...new Map(changes.map(each => [each.key, each])).values()].map(
      ({ key, timer }) => {
        const bytes = encodedValue(++this.#values, timer)
        this.changelog.push([key, bytes])
        this.#newest.set(key, bytes)
        return { key, bytes, indexedAt: this.#indexedAt.get(key) }
      },
    )
    this.changelog.push('marker')
    this.checkpoint.accept(states, this.changelog.length - 1, 1_000)
  }

  async slice(): Promise<void> {
    for (const [key, time] of await this.checkpoint.writeSlice()) this.#indexedAt.set(key, time)
  }

  assertReads(): void {
    for (const [key, bytes] of this.#newest) assert.equal(this.checkpoint.get(key)?.bytes, bytes)
  }

  /** The store, brought up from `complete` by the changelog, has each key's newest bytes. */
  async assertRestores(): Promise<void> {
    const { complete, newest } = this.store.progress ?? beginning
    const states = new Map<string, Uint8Array>()
    for await (const [key, bytes] of this.store.entries()) states.set(key, bytes)
    const timers = this.store.timers(undefined, Number.MAX_SAFE_INTEGER, 1_000) ?? []
    for (const [key, bytes] of states) {
      const from = this.changelog.findIndex(each => each !== 'marker' && each[1] === bytes)
      assert.ok(from <= newest, `a state of ${from}, newest ${newest}`)
      const time = timerAt(bytes)
      const found: TimerEntry[] = timers.filter(timer => timer.key === key)
      assert.equal(
        found.map(timer => timer.time),
        time === undefined ? [] : [time],
        key,
      )
    }
    for (const entry of this.changelog.slice(complete + 1))
      if (entry !== 'marker') states.set(...(entry as [string, Uint8Array]))
    assert.equal([...states].sort(), [...this.#newest].sort(), `from ${complete}`)
  }
}

test('whatever comes between what, the store and the changelog from `complete` on make the newest states', () =>
  fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 30 }), async script => {
      const world = new World()
      for (const each of script) {
        if ('commit' in each) world.commit(each.commit)
        else {
          const { slice } = each
          if (slice) world.meanwhile = () => world.commit(slice)
          await world.slice()
          world.meanwhile = undefined
        }
        world.assertReads()
        await world.assertRestores()
      }
      while (world.checkpoint.entries > 0) await world.slice()
      await world.slice()
      await world.assertRestores()
      assert.is(world.checkpoint.bytes, 0)
      assert.is(world.store.progress?.complete ?? -1, world.changelog.length - 1)
    }),
    { numRuns: 300 },
  ))

test('more than one slice holds is written oldest first, and `complete` waits for the last', async () => {
  const world = new World()
  const many = (from: number, count: number): Change[] =>
    Array.from({ length: count }, (_, at) => ({ key: `k${from + at}`, timer: undefined }))
  world.commit(many(0, 3_000))
  world.commit(many(3_000, 3_000))
  await world.slice()
  assert.is(world.store.progress?.complete, 3_000, 'the first commit is whole, the second is not')
  assert.is(world.store.progress?.newest, 6_001)
  await world.assertRestores()
  await world.slice()
  assert.is(world.store.progress?.complete, 6_001)
  await world.assertRestores()
})

test('a commit of nothing but its marker moves `complete` as well', async () => {
  const world = new World()
  world.commit([])
  await world.slice()
  assert.equal(world.store.progress, { history: 'h', complete: 0, newest: 0, writtenAt: 1_000 })
})

test('an index entry that no state confirms is removed with the next slice', async () => {
  const store = memoryStore()
  const stale = { time: 5, key: 'gone' }
  await store.write({ states: [], timersAdded: [stale], timersRemoved: [], progress: beginning })
  const checkpoint = new Checkpoint(store, beginning)
  checkpoint.removeTimer(stale)
  await checkpoint.writeSlice()
  assert.equal(store.timers(undefined, 10, 10), [])
})

test('what was written to the store lately is read from memory, and so is that it was deleted', async () => {
  const store = memoryStore()
  const packed = new PackedValues(128 * 1024)
  const checkpoint = new Checkpoint(store, beginning, packed)
  const other = new Checkpoint(memoryStore(), beginning, packed) // of a partition with the same key
  const write = async (bytes: Uint8Array | null, marker: number) => {
    checkpoint.accept([{ key: 'ann', bytes, indexedAt: undefined }], marker, 1_000)
    await checkpoint.flush()
  }
  const state = encodedValue(1, undefined)
  await write(state, 1)
  assert.equal(checkpoint.get('ann')?.bytes, state)
  assert.is(checkpoint.storeReads, 0)
  assert.is(other.get('ann'), undefined)
  await write(null, 2)
  assert.is(checkpoint.get('ann'), undefined)
  assert.is(checkpoint.storeReads, 1)
})

test.run()
