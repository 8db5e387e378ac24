import { encodeRecordBatch } from '../../protocol/record-batch.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { LiveTask } from '../../runtime/live-task.ts'
import { type Log, nextOffset, offset, type Transactor } from '../../runtime/log.ts'
import { StateCache } from '../../runtime/state-cache.ts'
import { memoryStore } from '../../state/memory-store.ts'
import { assert, suite } from '../harness.ts'
import { simJob } from '../simulator/sim-job.ts'

const test = suite('commits of a task that is behind')
const now = Date.UTC(2026, 10, 22)
const batches = 8
const recordsPerBatch = 500

/**
 * How often a live task commits while it works off a backlog that was appended so long ago; its clock stands still.
 * `oneByOne`: it is faster than what fetches, so that each batch comes when the one before it is done.
 */
async function commitsOf(ms: number, { oneByOne = false } = {}): Promise<number> {
  const clock: Clock = {
    ...systemClock,
    now: () => now,
    elapsed: () => 0,
    every: () => () => undefined,
  }
  let commits = 0
  const transactor: Transactor = {
    fence: async () => undefined,
    begin: () => {
      commits++
      return {
        send: async appends => appends.map(() => offset(commits * 10_000)),
        sendOffsets: async () => undefined,
        commit: async () => undefined,
        abort: async () => undefined,
      }
    },
    opened: async () => undefined,
    close: async () => undefined,
  }
  const failed: unknown[] = []
  const nothing = () => undefined
  const job = simJob({ idle: 'hold' })
  const task = new LiveTask(
    {
      ...{ job, partition: 0, partitions: 1, era: 0, acceptLoss: false, mode: 'exactly-once' },
      ...{ generation: 1, sameOwner: false, poison: undefined, log: {} as Log, clock },
      ...{ openStore: async () => memoryStore(), newHistory: () => 'h' },
      cache: new StateCache({ cacheKeysMax: 1_000, cacheBytesMax: 0 }, () => 1),
      ...{ inHand: nothing, witness: undefined },
      events: {
        ...{ onTaken: nothing, onRestore: nothing, onCommit: nothing, onCheckpoint: nothing },
        onFailed: nothing,
      },
    },
    {
      store: memoryStore(),
      stored: { history: 'h', complete: -1, newest: -1, writtenAt: 0 },
      progress: {
        ...{ next: nextOffset(0), last: -1, appendedAt: -1, history: 'h', watermark: undefined },
        ...{ partitions: 1, era: 0, hash: job.hash, generation: 1, tries: 0, hand: -1 },
        ...{ handDeaths: 0, clean: false, changelog: -1 },
      },
      begun: [],
      vanished: [],
    },
    transactor,
    undefined,
    error => failed.push(error),
  )
  task.start()
  const end = nextOffset(batches * recordsPerBatch)
  const until = async (next: number) => {
    while (task.next < next && failed.length === 0) await systemClock.turn()
    await systemClock.turn() // the turn after the last record is the one that may commit
  }
  for (let index = 0; index < batches; index++) {
    const first = index * recordsPerBatch
    const [fetched, next] = [nextOffset(first), nextOffset(first + recordsPerBatch)]
    const records = batchOf(first, now - ms)
    task.offer({ kind: 'batch', partition: 0, fetched, next, start: nextOffset(0), end, records })
    if (oneByOne) await until(next)
  }
  await until(end)
  await task.stop()
  assert.equal(failed, [])
  return commits
}

/** Records of ten users, from that offset on. */
function batchOf(first: number, appendedAt: number): Uint8Array {
  const records = Array.from({ length: recordsPerBatch }, (_, at) => {
    const [messageId, userId] = [`m${first + at}`, `user ${at % 10}`]
    const event = { messageId, event: 'x', userId, timestamp: appendedAt }
    return { key: userId, value: JSON.stringify(event) }
  })
  const batch = encodeRecordBatch(records, { now: appendedAt })
  batch.writeBigInt64BE(BigInt(first), 0)
  return batch
}

test('wait for more events, as they would be old in any case', async () => {
  assert.ok((await commitsOf(60_000)) <= 2)
})

test('wait also while what fetches is slower than they are', async () => {
  assert.ok((await commitsOf(60_000, { oneByOne: true })) <= 2)
})

test('do not wait where it is hardly behind', async () => {
  assert.ok((await commitsOf(0)) >= batches - 2)
})

test.run()
