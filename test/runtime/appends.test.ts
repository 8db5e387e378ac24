import fc from 'fast-check'
import { Packer, packed, planSends } from '../../runtime/appends.ts'
import { assert, suite } from '../harness.ts'
import { unpacked } from '../simulator/unpacked.ts'

const test = suite('appends')
const bytesMax = 512 * 1024
const none = Buffer.from('none')
const sizes = fc.array(fc.oneof(fc.nat(2_000), fc.nat(700_000)), { maxLength: 60 })
const recordsOf = (lengths: readonly number[]) =>
  lengths.map((length, index) => ({ key: `key ${index}`, value: Buffer.alloc(length) }))

const keysOf = (append: Parameters<typeof unpacked>[0] | undefined) =>
  append === undefined ? [] : unpacked(append).map(({ key }) => String(key))

test('are packed into batches that a broker takes, in order, and a larger record goes alone', () => {
  fc.assert(
    fc.property(sizes, lengths => {
      const records = recordsOf(lengths)
      const batches = packed('t', 1, records)
      assert.equal(
        batches.flatMap(batch => keysOf(batch.records)),
        records.map(({ key }) => key),
      )
      for (const { records } of batches) {
        const bytes = records.seal({ now: 0 }).length
        assert.is(records.byteLength, bytes)
        assert.ok(bytes <= bytesMax || records.length === 1, `${bytes} bytes`)
      }
    }),
  )
})

test('text that takes more bytes than characters makes no larger batch', () => {
  const records = Array.from({ length: 2_000 }, () => ({ key: 'k', value: '語'.repeat(500) }))
  for (const { records: each } of packed('t', 1, records))
    assert.ok(each.byteLength <= bytesMax + 1_500, `${each.byteLength} bytes`)
})

test('a packed value stays where it is, whatever is packed after it', () => {
  const packer = new Packer(1)
  const values = Array.from({ length: 3_000 }, (_, at) => Buffer.alloc(at % 700, at))
  const views = values.map((value, at) =>
    packer.addWritten(`key ${at}`, value, value.length, value.length),
  )
  for (const { records } of packer.appends('t', 1)) records.seal({ now: 1, producerId: 5 })
  for (const [at, view] of views.entries())
    assert.ok(values[at]?.equals(view ?? none), `value ${at}`)
})

test('what two packers have packed is one after the other when they are joined', () => {
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 4 }), fc.nat(5), (groups, countGuess) => {
      const joined = new Packer(countGuess)
      for (const lengths of groups) {
        const other = new Packer(countGuess)
        for (const record of recordsOf(lengths)) other.add(record)
        joined.join(other)
        joined.add({ key: 'between', value: null })
      }
      const wanted = groups.flatMap(lengths => [...recordsOf(lengths), { key: 'between' }])
      const appends = joined.appends('t', 1)
      const keys = appends.flatMap(({ records }) => unpacked(records)).map(({ key }) => String(key))
      assert.equal(
        keys,
        wanted.map(({ key }) => String(key)),
      )
      assert.is(joined.count, wanted.length)
      const bytes = appends.reduce((sum, { records }) => sum + records.byteLength, 0)
      assert.is(joined.byteLength, bytes)
    }),
  )
})

test('a send has at most one batch of a partition, and the marker is last of all', () => {
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 5 }), groups => {
      const last = { topic: 'topic 0', partition: 1, record: { key: 'marker', value: null } }
      const batches = groups.map((lengths, at) => packed(`topic ${at}`, 1, recordsOf(lengths)))
      const sends = planSends(batches, last)
      for (const send of sends) {
        const topics = send.map(({ topic }) => topic)
        assert.is(new Set(topics).size, topics.length)
      }
      for (const [at, lengths] of groups.entries()) {
        const keys = sends
          .flat()
          .filter(({ topic }) => topic === `topic ${at}`)
          .flatMap(({ records }) => keysOf(records))
        const expected = recordsOf(lengths).map(({ key }) => key)
        assert.equal(keys, at === 0 ? [...expected, 'marker'] : expected)
      }
      if (groups.length === 0) assert.equal(sends.flat().length, 1)
      const inLast = sends.at(-1)?.find(({ topic }) => topic === 'topic 0')
      assert.is(keysOf(inLast?.records).at(-1), 'marker')
    }),
  )
})

test.run()
