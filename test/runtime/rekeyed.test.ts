import { Unpackr } from 'msgpackr'
import type { Job, JobContext } from '../../jobs/job.ts'
import {
  encodeRecordBatch,
  type OutgoingRecord,
  RecordReader,
} from '../../protocol/record-batch.ts'
import { forwardable, rekeyedFrom } from '../../runtime/rekeyed.ts'
import { assert, suite } from '../harness.ts'
import type { SimState } from '../simulator/sim-job.ts'
import { minute, pipelineOf, start } from './pipeline-world.ts'

const test = suite('rekeyed')
const unpackr = new Unpackr({ useRecords: false })

/** The test job, whose every event does first what `act` says. */
function worldOf(act: (context: JobContext, type: string) => void, stateBytesMax?: number) {
  return pipelineOf({
    ...(stateBytesMax !== undefined && { stateBytesMax }),
    change: (job: Job<SimState>): Job<SimState> => ({
      ...job,
      rekeys: ['events', 'things'],
      absorb(state, event, context) {
        act(context, event.type)
        job.absorb(state, event, context)
      },
    }),
  })
}

const merge = { type: 'merge', messageId: '', timestamp: start }
const thing = { type: 'track', messageId: 'x', timestamp: start, properties: { price: 2 } }

function readerOf(record: OutgoingRecord): RecordReader {
  const reader = new RecordReader(encodeRecordBatch([record], { now: start }))
  reader.next()
  return reader
}

test('an event for another key goes out with the step, with where it is to go', () => {
  const { take, pipeline } = worldOf(({ rekey }) =>
    rekey({ to: 'things', key: 't1', event: thing }),
  )
  take({})
  const [record] = pipeline.side.take().rekeyed
  assert.is(record?.key, 't1')
  assert.equal(unpackr.unpack(record?.value as Buffer), thing)
  const found = forwardable(readerOf(record as OutgoingRecord), 'sim', 3)
  assert.is(found?.to, 'things')
  assert.equal(rekeyedFrom(readerOf(found?.record as OutgoingRecord)), {
    ...{ job: 'sim', era: 0, partition: 3, offset: 0, replayed: false },
  })
  assert.is(rekeyedFrom(readerOf({ key: null, value: '{}', headers: [['other', 'x']] })), undefined)
})

test('a step that throws has sent nothing', () => {
  const { take, pipeline, codes } = worldOf(({ rekey }) => rekey({ key: 'a', event: thing }))
  take({ properties: { poison: true } })
  assert.is(pipeline.side.take().rekeyed.length, 0)
  take({ properties: { poison: true } })
  assert.equal(codes(), ['poisoned'])
})

test('a wrong topic, a wrong key and a wrong event are told before anything has changed', () => {
  for (const [record, code] of [
    [{ to: 'elsewhere', key: 'a', event: thing }, 'bad_rekey'],
    [{ key: '', event: thing }, 'bad_rekey'],
    [{ key: 'a'.repeat(1_025), event: thing }, 'bad_rekey'],
    [{ key: 'a', event: { ...thing, timestamp: Number.NaN } }, 'bad_rekey'],
    [{ key: 'a', event: { ...merge, state: new Uint8Array(1_040_000) } }, 'rekeyed_too_large'],
  ] as const) {
    const { take, codes, count } = worldOf(({ rekey }) => rekey(record))
    take({})
    assert.equal(codes(), [code])
    assert.is(count(), 0)
  }
})

test('what was rekeyed is not rekeyed again, but for the one answer to a link', () => {
  const outcome = (type: string, answers: readonly object[]) => {
    const { pipeline, records, codes } = worldOf(({ rekey }) => {
      for (const answer of answers) rekey({ key: 'bob', event: { ...merge, ...answer } })
    })
    const headers = [['rekeyed', 'sim/0/0/7']] as const
    const value = JSON.stringify({ type, messageId: 'm', timestamp: start })
    pipeline.take(records({ key: 'ann', value, headers }))
    const sent = pipeline.counts.rekeyed
    return [sent, ...codes()]
  }
  assert.equal(outcome('link', [{}]), [1])
  assert.equal(outcome('link', [{}, {}]), [0, 'rekeyed_twice'])
  assert.equal(outcome('link', [{ type: 'track' }]), [0, 'rekeyed_twice'])
  assert.equal(outcome('merge', [{}]), [0, 'rekeyed_twice'])
  assert.equal(outcome('track', [{ type: 'track' }]), [0, 'rekeyed_twice'])
})

test('a rekeyed record is taken once, by its key, and a merge is never late', () => {
  const { pipeline, records, count, take, side } = withSide()
  const bring = (offset: number, type: string, at: number) => {
    const event = { type, messageId: `${offset}`, timestamp: start + at }
    const headers = [['rekeyed', `web/0/2/${offset}`]] as const
    pipeline.take(records({ key: 'ann', value: JSON.stringify(event), headers }))
  }
  bring(4, 'track', 0)
  bring(4, 'track', 0)
  bring(3, 'track', 0)
  assert.is(count(), 1)
  assert.is(pipeline.counts.forwardedAgain, 2)
  take({ user: 'bob', at: 60 * minute })
  bring(5, 'track', 60 * minute) // now time is there for both
  bring(6, 'track', 0)
  assert.is(side().late.length, 1)
  bring(7, 'merge', 0)
  assert.equal([count(), side().late.length], [3, 0])
})

test('a header that nobody wrote goes to the dead letters', () => {
  const { pipeline, records, codes } = worldOf(() => undefined)
  const value = JSON.stringify({ userId: 'ann', timestamp: start })
  pipeline.take(records({ key: 'ann', value, headers: [['rekeyed', 'nonsense']] }))
  assert.equal(codes(), ['not_decodable'])
  pipeline.skip(records({ key: 'ann', value, headers: [['rekeyed', 'nonsense']] }), 'kills_lane')
  assert.equal(codes(), ['kills_lane'])
})

test('one that died can be sent again: it counts though it is not newer, and only then', () => {
  const { pipeline, records, count, side } = withSide()
  const from = ['rekeyed', 'web/0/2/4'] as const
  const bring = (key: string, ...more: (readonly [string, string])[]) => {
    const event = { type: 'track', messageId: key, timestamp: start, properties: {} }
    pipeline.take(records({ key, value: JSON.stringify(event), headers: [from, ...more] }))
  }
  bring('\u0000')
  const [letter] = side().dead
  assert.equal(
    letter?.headers?.filter(([name]) => name === 'rekeyed'),
    [from],
  )
  bring('ann')
  assert.is(count(), 0)
  bring('ann', ['dead-letter', 'sim.dead/0/0'])
  assert.is(count(), 1)
})

function withSide() {
  const world = worldOf(() => undefined)
  return { ...world, side: () => world.pipeline.side.take() }
}

test.run()
