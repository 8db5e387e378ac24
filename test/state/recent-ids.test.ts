import fc from 'fast-check'
import { hash53 } from '../../state/hash.ts'
import { RecentIds } from '../../state/recent-ids.ts'
import { StateReader } from '../../state/state-reader.ts'
import { StateWriter } from '../../state/state-writer.ts'
import { assert, suite } from '../harness.ts'

const test = suite('recent ids')
const bounds = { last: 3, withinMs: 100 }

test('an id is a repeat once it was added, and not before', () => {
  const ids = new RecentIds(bounds)
  assert.not(ids.seen('a', 1_000))
  ids.add('a', 1_000)
  assert.ok(ids.seen('a', 1_000))
  assert.not(ids.seen('b', 1_000))
})

test('only the last ids are known', () => {
  const ids = new RecentIds(bounds)
  for (const id of ['a', 'b', 'c', 'd']) ids.add(id, 1_000)
  assert.equal(
    ['a', 'b', 'c', 'd'].map(id => ids.seen(id, 1_000)),
    [false, true, true, true],
  )
})

test('an id is forgotten when the newest event is too much newer, also when the repeat is as old as the first', () => {
  const ids = new RecentIds(bounds)
  ids.add('a', 1_000)
  assert.ok(ids.seen('a', 1_100))
  assert.not(ids.seen('a', 1_101))
  ids.add('b', 1_101)
  assert.not(ids.seen('a', 1_000))
})

test('an event without an id is never a repeat', () => {
  const ids = new RecentIds(bounds)
  ids.add('', 1_000)
  assert.not(ids.seen('', 1_000))
  assert.is(written(ids).at(-1), 0xe0, 'an empty list')
})

test('with room for none, nothing is a repeat', () => {
  const ids = new RecentIds({ last: 0, withinMs: 0 })
  ids.add('a', 1_000)
  assert.not(ids.seen('a', 1_000))
  assert.is(written(ids).at(-1), 0xe0, 'an empty list')
})

test('it answers as a plain list does, also when encoded and decoded at any moment', () => {
  const step = fc.record({
    id: fc.nat(9).map(id => (id === 0 ? '' : String(id))),
    time: fc.integer({ min: 1_000, max: 1_250 }),
    encoded: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      let ids = new RecentIds(bounds)
      let list: { id: string; time: number }[] = []
      let newest = 0
      for (const { id, time, encoded } of steps) {
        const latest = Math.max(newest, time)
        const expected = list
          .slice(-bounds.last)
          .some(known => id !== '' && known.id === id && latest - known.time <= bounds.withinMs)
        assert.is(ids.seen(id, time), expected)
        if (!expected) {
          ids.add(id, time)
          newest = latest
          if (id !== '') list = [...list, { id, time }]
        }
        if (encoded) ids = copyOf(ids)
      }
    }),
    { numRuns: 500 },
  )
})

test('200,000 ids that differ little have different hashes', () => {
  const hashes = new Set<number>()
  for (let i = 0; i < 200_000; i++) hashes.add(hash53(`shop-1-${i}`))
  assert.is(hashes.size, 200_000)
  assert.ok([...hashes].every(hash => Number.isSafeInteger(hash) && hash >= 0))
})

test('ids as format version 1 has them are known, and anything else is refused', () => {
  const ids = new RecentIds(bounds)
  ids.readFirst([1_100, hash53('a'), 100, hash53('b'), 0])
  assert.equal(
    ['a', 'b', 'c'].map(id => ids.seen(id, 1_100)),
    [true, true, false],
  )
  assert.not(ids.seen('a', 1_101))
  for (const encoded of [null, {}, [], [1, 2], [1, 'a', 3]])
    assert.throws(() => ids.readFirst(encoded), /expected encoded message ids/)
})

function written(ids: RecentIds): Uint8Array {
  const writer = new StateWriter()
  ids.write(writer)
  return writer.copy()
}

function copyOf(ids: RecentIds): RecentIds {
  const copy = new RecentIds(bounds)
  copy.read(new StateReader(written(ids), 0))
  return copy
}

test.run()
