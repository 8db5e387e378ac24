import fc from 'fast-check'
import { encodeRecordBatch, RecordReader } from '../../protocol/record-batch.ts'
import { visibleBatches } from '../../protocol/visible.ts'
import { assert, suite } from '../harness.ts'

const test = suite('visible batches')

/** A step of one of three producers: a batch of n records, or the end of its transaction. */
type Step = { producer: number; records: number } | { producer: number; end: 'abort' | 'commit' }

/** Lays the steps into a log and says, naively, which offsets a reader of committed records sees. */
function layOut(steps: readonly Step[]) {
  const batches: Buffer[] = []
  const open = new Map<number, number[]>()
  const visible = new Set<number>()
  const aborted: { producerId: number; firstOffset: number }[] = []
  let offset = 0
  for (const step of steps) {
    const { producer } = step
    const count = 'end' in step ? 1 : step.records
    const values = Array.from({ length: count }, (_, index) => ({
      key: null,
      value: String(offset + index),
    }))
    const control = {
      key: Buffer.from('end' in step && step.end === 'commit' ? [0, 0, 0, 1] : [0, 0, 0, 0]),
      value: null,
    }
    const transactional = producer !== 0
    const batch = encodeRecordBatch('end' in step ? [control] : values, {
      now: 1,
      transactional,
      producerId: producer,
    })
    batch.writeInt32BE(offset, 4)
    if ('end' in step) {
      const offsets = open.get(producer) ?? []
      open.delete(producer)
      batch.writeInt16BE(0x30, 21)
      const [firstOffset] = offsets
      if (step.end === 'commit') for (const each of offsets) visible.add(each)
      else if (firstOffset !== undefined) aborted.push({ producerId: producer, firstOffset })
    } else if (transactional) {
      open.set(producer, [...(open.get(producer) ?? []), ...values.map(each => Number(each.value))])
    } else for (const each of values) visible.add(Number(each.value))
    batches.push(batch)
    offset += count
  }
  return { bytes: Buffer.concat(batches), visible, aborted, open, end: offset }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ producer: fc.nat(3), records: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    producer: fc.integer({ min: 1, max: 3 }),
    end: fc.constantFrom('abort' as const, 'commit' as const),
  }),
)

test('committed records are seen, aborted and control ones are not, whatever overlaps', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const closed: Step[] = [
        ...steps,
        ...[1, 2, 3].map(producer => ({ producer, end: 'abort' as const })),
      ]
      const { bytes, visible, aborted, end } = layOut(closed)
      const { records, next } = visibleBatches(bytes, 0, aborted)
      const reader = new RecordReader(records)
      const seen: number[] = []
      while (reader.next()) {
        assert.is(reader.value()?.toString(), String(reader.offset))
        seen.push(reader.offset)
      }
      assert.equal(
        seen,
        [...visible].sort((a, b) => a - b),
      )
      assert.is(next, end)
    }),
    { numRuns: 500 },
  )
})

test('bytes that are all visible are not copied, and a cut-off tail is not counted', () => {
  const { bytes } = layOut([
    { producer: 0, records: 2 },
    { producer: 0, records: 2 },
  ])
  const all = visibleBatches(bytes, 0, [])
  assert.is(all.records.buffer, bytes.buffer)
  assert.is(all.records.length, bytes.length)
  const cut = visibleBatches(bytes.subarray(0, bytes.length - 1), 0, [])
  assert.is(cut.next, 2)
  assert.is(cut.records.length, bytes.length / 2)
  assert.equal(visibleBatches(bytes.subarray(0, 20), 7, []), { records: Buffer.alloc(0), next: 7 })
})

test.run()
