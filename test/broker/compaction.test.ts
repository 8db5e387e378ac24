import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { assert, suite } from '../harness.ts'
import { type Seen, Trial } from './trial.ts'

const test = suite('compaction')
let root: string

test.before(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-compaction-'))
})
test.after(() => rmSync(root, { recursive: true }))

function newest(seen: readonly Seen[]): Record<string, string> {
  const values: Record<string, string> = {}
  for (const { key, value } of seen) {
    if (value === null) delete values[String(key)]
    else values[String(key)] = value
  }
  return values
}

test('each key keeps its newest record, at its offset and with its time', async () => {
  const trial = new Trial(root, {})
  for (const [key, value] of [
    ['a', '1'],
    ['b', '1'],
    ['a', '2'],
    ['a', '3'],
  ] as const) {
    trial.write([{ key, value }])
    trial.now += 10
  }
  await trial.compact()
  assert.equal(trial.values(), ['1 b=1', '3 a=3'])
  assert.equal(
    trial.seen().map(each => trial.now - each.timestamp),
    [30, 10],
  )
  trial.write([{ key: 'b', value: '2' }])
  await trial.compact()
  assert.equal(trial.values(), ['3 a=3', '4 b=2'])
  assert.is(trial.log.endOffset, 5)
})

test('a tombstone stays for delete.retention.ms after it was first compacted, and then goes', async () => {
  const trial = new Trial(root, { 'delete.retention.ms': '1000' })
  trial.write([{ key: 'a', value: '1' }])
  trial.write([{ key: 'a', value: null }])
  const [, { timestamp } = { timestamp: 0 }] = trial.seen()
  await trial.compact()
  assert.equal(trial.seen(), [{ offset: 1, key: 'a', value: null, timestamp }])
  trial.now += 900
  trial.write([{ key: 'b', value: '1' }])
  await trial.compact()
  assert.equal(trial.values(), ['1 a=null', '2 b=1'])
  trial.now += 200
  trial.write([{ key: 'b', value: '2' }])
  await trial.compact()
  assert.equal(trial.values(), ['3 b=2'])
})

test('nothing of an open transaction is touched, and what it hides is not lost', async () => {
  const trial = new Trial(root, {})
  trial.write([{ key: 'a', value: 'before' }])
  trial.write([{ key: 'a', value: 'open' }], 1)
  trial.write([{ key: 'b', value: '1' }])
  trial.write([{ key: 'b', value: '2' }])
  await trial.compact()
  assert.equal(trial.values(), ['0 a=before'])
  trial.log.appendMarker(1, 0, 'abort')
  await trial.compact()
  assert.equal(trial.values(), ['0 a=before', '3 b=2'])
})

test('markers go when their records are gone and the time is up, and no later transaction is taken for aborted', async () => {
  const trial = new Trial(root, { 'delete.retention.ms': '1000' })
  trial.write([{ key: 'a', value: 'aborted' }], 1)
  trial.log.appendMarker(1, 0, 'abort')
  await trial.compact()
  trial.now += 2000
  for (const value of ['1', '2']) {
    trial.write([{ key: 'a', value }], 1)
    trial.log.appendMarker(1, 0, 'commit')
    await trial.compact()
  }
  assert.equal(trial.values(), ['4 a=2'])
  assert.equal(
    trial.log.segments.flatMap(each => each.aborted),
    [],
  )
  await trial.reopen(true)
  assert.equal(trial.values(), ['4 a=2'])
})

test('a marker stays while a record of its transaction does: without it the transaction would seem open', async () => {
  const trial = new Trial(root, { 'delete.retention.ms': '1000' })
  trial.write([{ key: 'a', value: '1' }], 1)
  trial.log.appendMarker(1, 0, 'commit')
  for (let round = 0; round < 3; round++) {
    trial.write([{ key: 'b', value: String(round) }])
    await trial.compact()
    trial.now += 2000
  }
  await trial.loseIndexes()
  assert.equal(trial.values(), ['0 a=1', '4 b=2'])
})

type Step =
  | { do: 'write'; producer: number; key: number; tombstone: boolean }
  | { do: 'end'; producer: number; type: 'commit' | 'abort' }
  | { do: 'compact' | 'roll' | 'stop' | 'kill' | 'lose' | 'later' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      producer: fc.integer({ min: -1, max: 2 }),
      key: fc.nat(4),
      tombstone: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      producer: fc.nat(2),
      type: fc.constantFrom('commit' as const, 'abort' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'compact' as const,
        'roll' as const,
        'stop' as const,
        'kill' as const,
        'lose' as const,
        'later' as const,
      ),
    }),
  },
)

test('whatever happens, in whatever order, a reader ends with the same values as before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const trial = new Trial(root, { 'delete.retention.ms': '1000' })
      let written = 0
      for (const one of steps) {
        if (one.do === 'write') {
          trial.write(
            [{ key: `k${one.key}`, value: one.tombstone ? null : String(written++) }],
            one.producer,
          )
        } else if (one.do === 'end') {
          if (trial.log.producers.isOpen(one.producer))
            trial.log.appendMarker(one.producer, 0, one.type)
        } else if (one.do === 'later') trial.now += 700
        else if (one.do === 'roll') trial.log.roll()
        else {
          const before = trial.seen()
          const open = trial.log.lastStableOffset
          if (one.do === 'compact') await trial.compact()
          else if (one.do === 'lose') await trial.loseIndexes()
          else await trial.reopen(one.do === 'stop')
          const after = trial.seen()
          assert.is(trial.log.lastStableOffset, open)
          assert.equal(newest(after), newest(before))
          const offsets = new Set(before.map(each => JSON.stringify(each)))
          for (const each of after)
            assert.ok(offsets.has(JSON.stringify(each)), `${JSON.stringify(each)} is new`)
        }
      }
      await trial.log.close()
    }),
    { numRuns: 150 },
  )
})

test.run()
