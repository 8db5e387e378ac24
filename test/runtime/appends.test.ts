import fc from 'fast-check'
import { cutIntoBatches, planSends } from '../../runtime/appends.ts'
import { assert, suite } from '../harness.ts'

const test = suite('appends')
const bytesMax = 512 * 1024
const sizes = fc.array(fc.oneof(fc.nat(2_000), fc.nat(700_000)), { maxLength: 60 })
const recordsOf = (lengths: readonly number[]) =>
  lengths.map((length, index) => ({ key: `key ${index}`, value: Buffer.alloc(length) }))

test('are cut into batches that a broker takes, in order, and a larger record goes alone', () => {
  fc.assert(
    fc.property(sizes, lengths => {
      const records = recordsOf(lengths)
      const batches = cutIntoBatches('t', 1, records)
      assert.equal(
        batches.flatMap(batch => [...batch.records]).map(({ key }) => key),
        records.map(({ key }) => key),
      )
      for (const batch of batches) {
        assert.ok(batch.records.length > 0)
        const bytes = batch.records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
        assert.ok(bytes <= bytesMax || batch.records.length === 1, `${bytes} bytes`)
      }
    }),
  )
})

test('a send has at most one batch of a partition, and the marker is last of all', () => {
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 5 }), groups => {
      const last = { topic: 'topic 0', partition: 1, record: { key: 'marker', value: null } }
      const batches = groups.map((lengths, at) =>
        cutIntoBatches(`topic ${at}`, 1, recordsOf(lengths)),
      )
      const sends = planSends(batches, last)
      for (const send of sends) {
        const topics = send.map(({ topic }) => topic)
        assert.is(new Set(topics).size, topics.length)
      }
      for (const [at, lengths] of groups.entries()) {
        const keys = sends
          .flat()
          .filter(({ topic }) => topic === `topic ${at}`)
          .flatMap(({ records }) => [...records])
          .map(({ key }) => key)
        const expected = recordsOf(lengths).map(({ key }) => key)
        assert.equal(keys, at === 0 ? [...expected, 'marker'] : expected)
      }
      if (groups.length === 0) assert.equal(sends.flat().length, 1)
      const inLast = sends.at(-1)?.find(({ topic }) => topic === 'topic 0')
      assert.is(inLast?.records.at(-1)?.key, 'marker')
    }),
  )
})

test.run()
