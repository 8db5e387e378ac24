import { count, defineJob } from '../../jobs/define-job.ts'
import { encodeRecordBatch, RecordReader } from '../../protocol/record-batch.ts'
import { Checkpoint } from '../../runtime/checkpoint.ts'
import { Pipeline } from '../../runtime/pipeline.ts'
import { States } from '../../runtime/states.ts'
import { Timers } from '../../runtime/timers.ts'
import { Watermark } from '../../runtime/watermark.ts'
import { memoryStore } from '../../state/memory-store.ts'
import { assert, suite } from '../harness.ts'

const test = suite('timers of a changed job')
const hourMs = 3_600_000
const start = Date.UTC(2026, 0, 1)

const settings = { name: 'changed', input: 'events', idle: 'hold', outOfOrderness: '0s' } as const
const short = count({ over: '1h', every: '1h' })
const long = count({ over: '3h', every: '1h' })

test('when the feature with the first timer is taken away, those of the others fire all the same', async () => {
  const store = memoryStore()
  const before = taskOf(defineJob({ ...settings, features: { short, long } }), store)
  before.take('silent', 0)
  await before.rest()

  const after = taskOf(defineJob({ ...settings, features: { long } }), store)
  after.take('other', 2 * hourMs)
  assert.is(after.features('silent').long, 1)
  after.take('other', 4 * hourMs)
  assert.is(after.fired, 1)
  assert.is(after.features('silent').long, 0)
})

test.run()

/** A task's inner parts on a store that outlives it. */
function taskOf(job: ReturnType<typeof defineJob>, store: ReturnType<typeof memoryStore>) {
  const progress = { history: 'h', complete: -1, newest: -1, writtenAt: 0 }
  const states = new States(job, new Checkpoint(store, progress), { keysMax: 1_000 }, false)
  const timers = new Timers(store)
  const watermark = new Watermark(job.outOfOrdernessMs, undefined)
  const ends = { partition: 0, partitions: 1, era: 0, inHand: () => undefined }
  const pipeline = new Pipeline({ job, states, timers, watermark, ...ends })
  return {
    get fired() {
      return pipeline.counts.timers
    },
    features: (user: string) => job.row(states.get(user).state).features,
    take(userId: string, time: number) {
      const value = JSON.stringify({ userId, event: 'x', timestamp: start + time })
      const reader = new RecordReader(
        encodeRecordBatch([{ key: userId, value }], { now: start + 24 * hourMs }),
      )
      reader.next()
      pipeline.take(reader)
      assert.is(pipeline.fireDue(watermark.time ?? 0), 'done')
    },
    async rest() {
      const frozen = states.freeze().map(entity => ({ entity, bytes: states.encode(entity) }))
      states.committed(frozen, 1, start)
      while (await states.checkpoint());
    },
  }
}
