import { assert, type Suite, skip } from '../harness.ts'
import { offsetAt } from './broker-log-cases.ts'
import { BrokerCase, type BrokerWorld } from './broker-world.ts'
import { batchOf, pause, type Wire } from './wire.ts'

/** How soon a segment is begun anew, so that the one before can be cleaned. */
const SEGMENT_MS = 200
const compacted = {
  'cleanup.policy': 'compact',
  'segment.ms': String(SEGMENT_MS),
  'min.cleanable.dirty.ratio': '0',
}

/** What a broker does to its logs by itself: compaction and retention. */
export function brokerCleaningCases(test: Suite, world: () => BrokerWorld): void {
  test(
    'a compacted topic forgets what was written over, and keeps offsets',
    () =>
      BrokerCase.run(
        world(),
        async ({ wire, topic }) => {
          for (const value of ['1', '2']) await write(wire, topic, 'a', value)
          await write(wire, topic, 'b', '1')
          await pause(SEGMENT_MS + 100)
          await write(wire, topic, 'c', '1') // the segment is too old by now: this begins another
          await until(60_000, async () => (await wire.seen(topic)).length === 3)
          assert.equal(await wire.seen(topic), ['1:2', '2:1', '3:1'])
          assert.equal(await wire.seen(topic, 1), ['1:2', '2:1', '3:1'])
        },
        1,
        compacted,
      ),
    { timeoutMs: 90_000 },
  )

  test(
    'a tombstone takes its key with it, and goes itself when readers have had their time',
    () =>
      BrokerCase.run(
        world(),
        async ({ wire, topic }) => {
          await write(wire, topic, 'kept', '1')
          await write(wire, topic, 'gone', '2')
          await write(wire, topic, 'gone', null)
          const first = async () => (await wire.seen(topic)).slice(0, 2)
          const more = async () => {
            await pause(SEGMENT_MS + 100)
            await write(wire, topic, 'more', 'so that there is something to clean')
          }
          await more()
          await until(60_000, async () => (await first()).join() === '0:1,2:null')
          // Seen by one compaction, it may go with the next one; that one needs something to do.
          await until(120_000, async () => {
            await more()
            return (await first())[1] !== '2:null'
          })
          const values = (await wire.seen(topic)).map(each => each.split(':')[1])
          assert.is(values[0], '1')
          assert.not(values.includes('null'))
          assert.not(values.includes('2'))
        },
        1,
        { ...compacted, 'delete.retention.ms': '1000' },
      ),
    { timeoutMs: 200_000 },
  )

  test(
    'records older than retention.ms go with their segment, and the log starts after them',
    () => {
      const waitMs = world().retentionMsMax
      if (waitMs === undefined) skip('this broker looks for old segments every five minutes')
      return BrokerCase.run(
        world(),
        async ({ wire, topic }) => {
          const timestamp = Date.now() - 3_600_000
          await wire.produce(topic, batchOf([{ key: null, value: 'an hour old', timestamp }]))
          await pause(SEGMENT_MS + 100)
          await wire.produce(topic, batchOf(['new']))
          await until(waitMs, async () => (await offsetAt(wire, topic, -2)) === '1 at -1')
          assert.is((await wire.fetch(topic, 0)).error, 'OFFSET_OUT_OF_RANGE')
          assert.equal(await wire.seen(topic, 1), ['1:new'])
        },
        1,
        { 'cleanup.policy': 'delete', 'segment.ms': String(SEGMENT_MS), 'retention.ms': '600000' },
      )
    },
    { timeoutMs: 400_000 },
  )
}

const write = (wire: Wire, topic: string, key: string, value: string | null) =>
  wire.produce(topic, batchOf([{ key, value }]))

async function until(msMax: number, done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + msMax
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(`it did not come about in ${msMax} ms`)
    await pause(100)
  }
}
