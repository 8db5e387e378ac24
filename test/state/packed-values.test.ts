import fc from 'fast-check'
import { PackedValues } from '../../state/packed-values.ts'
import { assert, suite } from '../harness.ts'

const test = suite('packed values')
const KIB = 1024

const key = fc.oneof(
  fc.constantFrom('ann', 'anna', '', 'é', '雪', 'a\u0000', '\u{1f600}'),
  fc.nat({ max: 400 }).map(id => `user ${id}`),
)
const act = fc.record({
  what: fc.constantFrom('set', 'set', 'set', 'get', 'delete'),
  owner: fc.constantFrom(0, 1),
  key,
  length: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 900 }), fc.constant(9_000)),
})

test('it answers what was set last, or nothing, whatever was set, deleted and forgotten before', () =>
  fc.assert(
    fc.property(fc.array(act, { maxLength: 600, size: 'max' }), fc.nat(), (acts, first) => {
      const packed = new PackedValues(128 * KIB)
      const owners = [packed.newOwner(), packed.newOwner()] as const
      const naive = new Map<string, Uint8Array>()
      let fill = first
      for (const { what, owner, key: of, length } of acts) {
        const name = `${owner} ${of}`
        const by = owners[owner as 0 | 1]
        if (what === 'set') {
          const state = new Uint8Array(length).fill(fill++)
          packed.set(by, of, state)
          naive.set(name, state)
        } else if (what === 'delete') {
          packed.delete(by, of)
          naive.delete(name)
        }
        const found = packed.get(by, of)
        if (found !== undefined) assert.equal(found, naive.get(name))
        else if (what === 'set') assert.ok(length === 9_000, `${length} bytes were not taken`)
      }
    }),
    { numRuns: 200 },
  ))

test('what fits is remembered, with all of its keys found after many were forgotten', () => {
  const packed = new PackedValues(256 * KIB)
  const owner = packed.newOwner()
  const state = (id: number) => new Uint8Array(40).fill(id)
  for (let id = 0; id < 20_000; id++) packed.set(owner, `user ${id}`, state(id))
  let found = 0
  for (let id = 0; id < 20_000; id++) {
    const bytes = packed.get(owner, `user ${id}`)
    if (bytes === undefined) continue
    found += 1
    assert.equal(bytes, state(id))
  }
  assert.is(found, packed.count)
  assert.ok(found > 2_000, `${found} are there`) // of some 80 bytes each
  assert.ok(packed.get(owner, 'user 19999') !== undefined)
})

test('it keeps within its bytes', () => {
  const packed = new PackedValues(1024 * KIB)
  const owner = packed.newOwner()
  for (let id = 0; id < 50_000; id++) packed.set(owner, `user ${id % 20_000}`, new Uint8Array(300))
  assert.ok(packed.byteLength <= 1.1 * 1024 * KIB, `${packed.byteLength} bytes`)
})

test('what is written again and again stays, while others come and go', () => {
  const packed = new PackedValues(256 * KIB)
  const owner = packed.newOwner()
  for (let id = 0; id < 10_000; id++) {
    packed.set(owner, `once ${id}`, new Uint8Array(200))
    if (id < 2_000) continue // by which it is full
    const often = `often ${id % 50}`
    if (id >= 2_050) assert.ok(packed.get(owner, often) !== undefined, `${often}, at ${id}`)
    packed.set(owner, often, new Uint8Array(200 + (id % 40)))
  }
})

test('there is room for what is new, also where all was written again', () => {
  const packed = new PackedValues(128 * KIB)
  const owner = packed.newOwner()
  for (let id = 0; id < 3_000; id++) {
    packed.set(owner, `user ${id}`, new Uint8Array(200))
    packed.set(owner, `user ${id}`, new Uint8Array(200))
    assert.ok(packed.get(owner, `user ${id}`) !== undefined)
  }
})

test('a state that is too large for it is forgotten, and not answered as it was before', () => {
  const packed = new PackedValues(128 * KIB)
  const owner = packed.newOwner()
  packed.set(owner, 'ann', new Uint8Array(10))
  packed.set(owner, 'ann', new Uint8Array(100_000))
  assert.is(packed.get(owner, 'ann'), undefined)
})

test('an answer stays what it is when the state is written again', () => {
  const packed = new PackedValues(128 * KIB)
  const owner = packed.newOwner()
  packed.set(owner, 'ann', Uint8Array.of(1, 2, 3))
  const before = packed.get(owner, 'ann')
  packed.set(owner, 'ann', Uint8Array.of(4, 5, 6))
  assert.equal(before, Uint8Array.of(1, 2, 3))
})

test('without any bytes it keeps nothing', () => {
  const packed = new PackedValues(0)
  const owner = packed.newOwner()
  packed.set(owner, 'ann', Uint8Array.of(1))
  packed.delete(owner, 'ann')
  assert.is(packed.get(owner, 'ann'), undefined)
  assert.is(packed.count, 0)
})

test.run()
