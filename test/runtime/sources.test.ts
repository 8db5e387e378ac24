import type { BadRecord } from '../../runtime/decode.ts'
import type { RekeyedFrom } from '../../runtime/rekeyed.ts'
import { type Source, Sources } from '../../runtime/sources.ts'
import { Watermark } from '../../runtime/watermark.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('sources')
const second = 1_000

const from = (offset: number, more: Partial<RekeyedFrom> = {}): RekeyedFrom => ({
  ...{ job: 'email', era: 0, partition: 0, offset, replayed: false },
  ...more,
})
const none = { watermark: undefined, appendedAt: -1 }

test('a record is taken when it lies behind the newest one of its source, and only then', () => {
  const sources = new Sources(none)
  const taken = (each: RekeyedFrom) => sources.take(each, 0) !== undefined
  assert.equal(
    [3, 5, 5, 4, 3, 6].map(offset => taken(from(offset))),
    [...[true, true, false, false, false, true]],
  )
  assert.ok(taken(from(0, { partition: 1 })), 'another partition has offsets of its own')
  assert.ok(taken(from(0, { job: 'web' })), 'so has another job')
  assert.ok(taken(from(0, { era: 1 })), 'a topic made anew begins at 0 again')
  assert.not.ok(taken(from(7)), 'of the era before')
  assert.ok(taken(from(0, { replayed: true })), 'a person has sent it again')
})

test('what is kept survives a marker', () => {
  const sources = new Sources({ watermark: 7, appendedAt: 9 })
  assert.is(sources.encode(), undefined, 'direct records need no more than the watermark')
  sources.take(from(5), 11)
  const encoded = JSON.parse(JSON.stringify(sources.encode()))
  const again = new Sources(none, encoded)
  assert.is(again.take(from(5), 12), undefined)
  assert.ok(again.take(from(6), 12))
  assert.is(again.direct.time, 7)
  assert.is(again.direct.appendedAt, 9)
})

test('there is a bound on who may send', async () => {
  const sources = new Sources(none)
  for (let partition = 0; partition < 1_000; partition++) sources.take(from(0, { partition }), 0)
  const oneMore = () => sources.take(from(0, { job: 'one-more' }), 0)
  const error = await rejects(oneMore, /one-more\/0 is one more/)
  assert.is((error as BadRecord).code, 'too_many_sources')
  assert.ok(sources.take(from(1, { partition: 7 }), 0), 'who is known goes on')
})

test('the watermark is the smallest of the sources that are not idle, and never goes back', () => {
  const watermark = new Watermark(0, undefined)
  const { sources } = watermark
  const event = (source: RekeyedFrom | undefined, time: number, appendedAt: number) => {
    watermark.observe(time, sources.take(source, appendedAt) as Source)
    return watermark.time
  }
  assert.is(event(undefined, 100, 0), 100)
  assert.is(event(from(0), 50, second), 100, 'a new source does not turn time back')
  assert.is(event(undefined, 200, 2 * second), 100, 'the source stands at 50')
  assert.is(event(from(1), 150, 3 * second), 150)
  assert.is(event(undefined, 300, 13 * second), 150, 'it is ten seconds old, and counts')
  assert.is(event(undefined, 310, 13 * second + 1), 310, 'now it is idle')
  assert.is(event(from(2), 160, 14 * second), 310, 'it wakes, behind')
  assert.is(event(undefined, 400, 15 * second), 310, 'and holds time back again')
})

test.run()
