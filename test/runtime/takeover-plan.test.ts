import { type Committed, nextOffset } from '../../runtime/log.ts'
import { type CommittedProgress, encodeMetadata } from '../../runtime/progress.ts'
import { planTakeover, storeAgeMsMax, type TakeoverFacts } from '../../runtime/takeover-plan.ts'
import { assert, suite } from '../harness.ts'

const test = suite('takeover plan')
const now = Date.UTC(2026, 10, 22)
const range = (start: number, end: number) => ({ start: nextOffset(start), end: nextOffset(end) })

const progress: CommittedProgress = {
  next: nextOffset(100),
  history: 'h1',
  watermark: 5,
  partitions: 4,
  era: 1,
  hash: 'abc',
  generation: 2,
  last: 99,
  appendedAt: now - 1_000,
  tries: 0,
  hand: -1,
  handDeaths: 0,
  clean: true,
  changelog: 50,
}

const committedAs = (changes: Partial<CommittedProgress> = {}): Committed => {
  const all = { ...progress, ...changes }
  return { next: all.next, metadata: encodeMetadata(all) }
}

/** All in order: the store stands ten records behind the marker. */
const inOrder: TakeoverFacts = {
  task: { job: 'shop', input: 'events', partition: 3 },
  job: { hash: 'abc', partitions: 4, era: 1 },
  generation: 2,
  input: range(10, 120),
  changelog: range(5, 60),
  committed: committedAs(),
  marker: undefined,
  store: { history: 'h1', complete: 40, newest: 45, writtenAt: now },
  lastAppendedAt: progress.appendedAt,
  now,
  acceptLoss: false,
}

const plan = (changes: Partial<TakeoverFacts>) => planTakeover({ ...inOrder, ...changes })

function refused(changes: Partial<TakeoverFacts>, ...said: RegExp[]): void {
  const decided = plan(changes)
  if (decided.kind !== 'refuse') throw new Error(`not refused: ${JSON.stringify(decided)}`)
  for (const pattern of said) assert.match(decided.reason, pattern)
}

function resumed(changes: Partial<TakeoverFacts>) {
  const decided = plan(changes)
  if (decided.kind !== 'resume') throw new Error(`not resumed: ${JSON.stringify(decided)}`)
  const { from, next, discardStore } = decided
  return { from, next, discardStore }
}

test('a store that fits is brought up from where it is complete', () => {
  assert.equal(resumed({}), { from: 41, next: 100, discardStore: false })
  const store = { history: 'h1', complete: 50, newest: 50, writtenAt: now - storeAgeMsMax }
  assert.equal(resumed({ store }), { from: 51, next: 100, discardStore: false })
})

test('a store of another history, ahead of the marker, or too old is thrown away', () => {
  const anew = { from: 5, next: 100, discardStore: true }
  const store = { history: 'h1', complete: 40, newest: 45, writtenAt: now }
  assert.equal(resumed({ store: undefined }), anew)
  assert.equal(resumed({ store: { ...store, history: 'h0' } }), anew)
  assert.equal(resumed({ store: { ...store, newest: 51 } }), anew)
  assert.equal(resumed({ store: { ...store, complete: 51, newest: 50 } }), anew)
  assert.equal(resumed({ store: { ...store, writtenAt: now - storeAgeMsMax - 1 } }), anew)
})

test('where nothing was ever committed it begins at the start of the input', () => {
  const nothing = { committed: undefined, changelog: range(0, 0) }
  assert.equal(plan(nothing), { kind: 'begin', next: 10 })
})

test('a forgotten offset is replaced by the newest marker; records without a marker are not ours', () => {
  const resume = plan({ committed: undefined, marker: progress })
  assert.equal(
    [resume.kind, resumed({ committed: undefined, marker: progress }).next],
    ['resume', 100],
  )
  refused({ committed: undefined }, /changelog has 60 records but no marker/, /another job name/)
})

test('an offset that somebody moved is refused, whatever it carries instead of our metadata', () => {
  for (const metadata of ['', 'x', '{}', '{"v":1}', '[]', 'null', '"text"'])
    refused(
      { committed: { next: nextOffset(7), metadata } },
      /committed offset 7 /,
      /Delete the group/,
    )
})

test('another number of partitions is refused, also in a new era', () => {
  const job = { hash: 'abc', partitions: 6, era: 1 }
  refused({ job }, /committed with 4 partitions, its topics have 6/, /new name/)
  refused({ job: { ...job, era: 2 } }, /committed with 4 partitions, its topics have 6/)
})

test('a newer generation of another definition sends this process away; nothing else does', () => {
  const job = { ...inOrder.job, hash: 'old' }
  const decided = plan({ generation: 1, job })
  const reason = decided.kind === 'outdated' ? decided.reason : decided.kind
  assert.match(reason, /generation 2 .*began with 1: restart/)
  assert.is(resumed({ generation: 1 }).next, 100)
  assert.is(resumed({ generation: 2, job }).next, 100)
  assert.is(resumed({ generation: 3, job }).next, 100)
  assert.is(resumed({ generation: undefined, job }).next, 100)
})

test('an older era is refused; a newer one reads from the start and keeps the states', () => {
  refused({ job: { ...inOrder.job, era: 0 } }, /in era 1, .*with era 0/, /--era 1/)
  const raised = { job: { ...inOrder.job, era: 2 }, lastAppendedAt: undefined }
  assert.equal(resumed(raised), { from: 41, next: 10, discardStore: false })
  assert.is(resumed({ ...raised, input: range(0, 3) }).next, 0)
  const other = { job: raised.job, lastAppendedAt: now }
  assert.is(resumed(other).next, 10)
  const begun = { job: raised.job } // its newest record is the one it took: it reads the new topic already
  assert.is(resumed(begun).next, 100)
})

test('an input made anew is known by its append times, or by its end', () => {
  const other = now - 500
  refused(
    { lastAppendedAt: other },
    /made anew: record 99 of partition 3/,
    new RegExp(new Date(other).toISOString()),
    new RegExp(new Date(progress.appendedAt).toISOString()),
    /--era 2/,
  )
  refused({ input: range(0, 99) }, /go on at 100, .*has offsets 0 to 99/, /--era 2/)
  assert.is(resumed({ lastAppendedAt: undefined }).next, 100) // deleted by retention since
  const never = committedAs({ last: -1, appendedAt: -1 })
  assert.is(resumed({ committed: never, lastAppendedAt: other }).next, 100)
})

test('the bounds of the input are taken as they are: its end, and its start', () => {
  assert.is(resumed({ input: range(0, 100) }).next, 100)
  assert.is(resumed({ input: range(100, 100) }).next, 100)
})

test('lost records are refused with their number, until a person accepts it', () => {
  const input = range(130, 200)
  refused(
    { input },
    /^30 records are lost/,
    /go on at 100, .*now starts at 130 \(ends at 200\)/,
    /--accept-loss/,
  )
  assert.is(resumed({ input, acceptLoss: true }).next, 130)
})

test('a changelog that ends at or below the marker is refused', () => {
  refused({ changelog: range(0, 50) }, /ends at 50, .*marker at 50/, /new name/)
  assert.is(resumed({ changelog: range(0, 51) }).from, 41)
})

test.run()
