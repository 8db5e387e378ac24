import fc from 'fast-check'
import { assignSticky, type Candidate } from '../../runtime/assignment.ts'
import { assert, suite } from '../harness.ts'

const test = suite('assignment')
const members = fc.uniqueArray(
  fc.record({
    memberId: fc.string({ minLength: 1, maxLength: 4 }),
    owned: fc.array(fc.integer({ min: -1, max: 40 }), { maxLength: 20 }),
  }),
  { selector: ({ memberId }) => memberId, maxLength: 8 },
)

test('gives each partition to one member, and each member as many, give or take one', () => {
  fc.assert(
    fc.property(members, fc.nat(32), (candidates, partitions) => {
      const assigned = assignSticky(candidates, partitions)
      assert.is(assigned.size, candidates.length)
      if (candidates.length === 0) return
      const all = [...assigned.values()].flat().sort((a, b) => a - b)
      assert.equal(
        all,
        Array.from({ length: partitions }, (_, partition) => partition),
      )
      const counts = [...assigned.values()].map(({ length }) => length)
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join())
    }),
  )
})

test('is the same whoever computes it', () => {
  fc.assert(
    fc.property(members, fc.nat(32), (candidates, partitions) => {
      const sorted = (assigned: Map<string, number[]>) =>
        [...assigned].sort(([a], [b]) => (a < b ? -1 : 1))
      assert.equal(
        sorted(assignSticky([...candidates].reverse(), partitions)),
        sorted(assignSticky(candidates, partitions)),
      )
    }),
  )
})

test('changes nothing where all have what they had', () => {
  fc.assert(
    fc.property(members, fc.nat(32), (candidates, partitions) => {
      const once = assignSticky(candidates, partitions)
      const again = Array.from(once, ([memberId, owned]): Candidate => ({ memberId, owned }))
      assert.equal([...assignSticky(again, partitions)], [...once])
    }),
  )
})

test('moves no more than it must when a member joins or leaves', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 8 }), fc.nat(32), (count, partitions) => {
      const empty = Array.from({ length: count }, (_, index) => ({
        memberId: `m${index}`,
        owned: [],
      }))
      const before = assignSticky(empty, partitions)
      const kept = Array.from(before, ([memberId, owned]): Candidate => ({ memberId, owned }))
      const joined = assignSticky([...kept, { memberId: 'new', owned: [] }], partitions)
      for (const [memberId, owned] of before) {
        const now = joined.get(memberId) ?? []
        assert.ok(
          now.every(partition => owned.includes(partition)),
          'an old member got another',
        )
      }
      const left = assignSticky(kept.slice(1), partitions)
      for (const { memberId, owned } of kept.slice(1))
        assert.ok(
          owned.every(partition => left.get(memberId)?.includes(partition)),
          'one was moved',
        )
    }),
  )
})

test('gives a machine that comes back what its disk has', () => {
  const assigned = assignSticky(
    [
      { memberId: 'a', owned: [0, 1, 2, 3] },
      { memberId: 'b', owned: [1, 3] },
    ],
    4,
  )
  assert.is(assigned.get('a')?.length, 2)
  assert.is(assigned.get('b')?.length, 2)
})

test.run()
