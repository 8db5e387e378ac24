import { encodeRecordBatch, type OutgoingRecord } from '../../protocol/record-batch.ts'
import { nextOffset } from '../../runtime/log.ts'
import { readChanges } from '../../serve/changes.ts'
import { decodeRow } from '../../serve/row.ts'
import { assert, suite } from '../harness.ts'

const test = suite('changes')
const NOW = 1_800_000_000_000

function row(key: string, offset: number, timestamp = NOW): OutgoingRecord {
  const value = { key, version: [offset, 0], asOf: 5, features: {}, segments: [] }
  return { key, value: JSON.stringify(value), timestamp }
}

function read(records: OutgoingRecord[], fetched = 0) {
  const at = nextOffset(fetched)
  const end = nextOffset(records.length)
  const bytes = encodeRecordBatch(records, { now: NOW })
  const range = { start: nextOffset(0), end }
  return readChanges({
    kind: 'batch',
    partition: 3,
    fetched: at,
    next: end,
    ...range,
    records: bytes,
  })
}

test('the last record of a key counts, and a tombstone is a change without a row', () => {
  const erased = { key: 'bert', value: null }
  const { changes } = read([row('anna', 1), row('bert', 2), row('anna', 3), erased])
  assert.equal(
    changes.map(([key, change]) => [
      key,
      change && decodeRow(change).version,
      change && decodeRow(change).partition,
    ]),
    [
      ['anna', [3, 0], 3],
      ['bert', undefined, undefined],
    ],
  )
})

test('what lies before the position is not told again', () => {
  const { changes, first } = read(
    [row('anna', 1), { key: 'bert', value: null }, row('cleo', 3, NOW + 9)],
    2,
  )
  assert.equal(
    changes.map(([key]) => key),
    ['cleo'],
  )
  assert.is(first, NOW + 9)
})

test('the first and the newest time are those of the records', () => {
  const { first, newest } = read([
    row('a', 1, NOW + 5),
    row('b', 2, NOW + 90),
    row('c', 3, NOW + 60),
  ])
  assert.is(first, NOW + 5)
  assert.is(newest, NOW + 90)
  assert.equal(read([row('a', 1)], 1), { changes: [], first: 0, newest: 0, malformed: [] })
})

test('what is no row is told with its offset', () => {
  const { changes, malformed } = read([
    { key: null, value: '{}' },
    { key: 'a', value: '{}' },
    row('b', 2),
  ])
  assert.is(changes.length, 1)
  assert.equal(
    malformed.map(({ offset }) => offset),
    [0, 1],
  )
  assert.match(malformed[0]?.reason ?? '', 'no key')
})

test.run()
