import { encodeRecordBatch, RecordReader } from '../../protocol/record-batch.ts'
import { Checkpoint } from '../../runtime/checkpoint.ts'
import { systemClock } from '../../runtime/clock.ts'
import { Committer } from '../../runtime/committer.ts'
import { Intake } from '../../runtime/intake.ts'
import {
  type Append,
  nextOffset,
  type Offset,
  offset,
  type PackedAppend,
  type Producer,
  type Transactor,
} from '../../runtime/log.ts'
import { Pipeline } from '../../runtime/pipeline.ts'
import { States } from '../../runtime/states.ts'
import { Steps } from '../../runtime/steps.ts'
import { Timers } from '../../runtime/timers.ts'
import { Watermark } from '../../runtime/watermark.ts'
import { memoryStore } from '../../state/memory-store.ts'
import { assert, suite } from '../harness.ts'
import { type SimState, simJob } from '../simulator/sim-job.ts'
import { unpacked } from '../simulator/unpacked.ts'

const test = suite('early rows')
const now = Date.UTC(2026, 10, 22)

/** A producer whose sends end, in order, when they are let go. */
class HeldProducer implements Producer {
  readonly sent: Append[] = []
  readonly #held: (() => void)[] = []

  send(appends: readonly (Append | PackedAppend)[]): Promise<Offset[]> {
    for (const append of appends) this.sent.push({ ...append, records: unpacked(append.records) })
    return new Promise(resolve => this.#held.push(() => resolve(appends.map(() => offset(0)))))
  }

  async letGo(): Promise<void> {
    this.#held.shift()?.()
    await new Promise(resolve => setImmediate(resolve))
  }

  async close(): Promise<void> {
    for (const go of this.#held) go()
  }

  /** Offsets of the versions that went out, in order. */
  get versions(): number[] {
    return this.sent
      .filter(({ topic }) => topic === 'sim.features')
      .flatMap(({ records }) => records.map(({ value }) => JSON.parse(String(value)).version[0]))
  }
}

/** A transactor that says yes to everything, at once. */
const transactor: Transactor = {
  fence: async () => undefined,
  begin: () => ({
    send: async appends => appends.map(() => offset(0)),
    sendOffsets: async () => undefined,
    commit: async () => undefined,
    abort: async () => undefined,
  }),
  opened: async () => undefined,
  close: async () => undefined,
}

function committerOf(rowBytes = 0) {
  const job = simJob({ idle: 'hold' })
  const large = {
    ...job,
    row: (state: Parameters<typeof job.row>[0]) => ({
      ...job.row(state),
      features: { text: 'x'.repeat(rowBytes) },
    }),
  }
  const store = memoryStore()
  const beginning = { history: 'h', complete: -1, newest: -1, writtenAt: 0 }
  const states = new States(large, new Checkpoint(store, beginning), { keysMax: 1_000 }, true)
  const watermark = new Watermark(job.outOfOrdernessMs, undefined)
  const parts = { job: large, partition: 0, partitions: 1, era: 0, states, watermark }
  const inHand = () => undefined
  const pipeline = new Pipeline({ ...parts, timers: new Timers(store), inHand })
  const start = { next: nextOffset(0), last: -1, appendedAt: -1 }
  const noEvents = { onBatchDone: () => undefined, onUnreadable: () => undefined }
  const producer = new HeldProducer()
  const failed: unknown[] = []
  const told = {
    onTaken: () => undefined,
    onRestore: () => undefined,
    onCommit: () => undefined,
    onCheckpoint: () => undefined,
    onFailed: () => undefined,
  }
  const committer: Committer<SimState> = new Committer(
    {
      ...{ options: { ...parts, clock: systemClock, events: told }, transactor, producer, states },
      ...{ pipeline, watermark, intake: new Intake(start, noEvents) },
      steps: new Steps({ tries: 0, handDeaths: 0, next: start.next }),
      // As the task's loop does once it is woken.
      onDone: () => void Promise.resolve().then(() => committer.emit()),
      onFailed: error => failed.push(error),
    },
    {
      ...{ ...start, history: 'h', watermark: undefined, partitions: 1, era: 0, hash: job.hash },
      ...{ generation: 1, tries: 0, hand: -1, handDeaths: 0, clean: false, changelog: -1 },
    },
  )
  let end = 0
  const take = (user: string) => {
    const event = { messageId: `m${end}`, event: 'x', userId: user, timestamp: now }
    const batch = encodeRecordBatch([{ key: user, value: JSON.stringify(event) }], { now })
    batch.writeBigInt64BE(BigInt(end++), 0)
    const reader = new RecordReader(batch)
    reader.next()
    pipeline.take(reader)
  }
  return { committer, producer, take, failed, pipeline }
}

test('go out in the order of their versions, also when a commit begins between two of them', async () => {
  const { committer, producer, take, failed } = committerOf()
  take('ann')
  committer.emit()
  take('ann')
  const committing = committer.commit()
  take('ann')
  committer.emit() // may wait for the one before, and must not come before what the commit found
  while (producer.versions.length < 3) await producer.letGo()
  assert.equal(producer.versions, [0, 1, 2])
  for (let more = 0; more < 6; more++) await producer.letGo()
  await committing
  assert.equal(failed, [])
})

test('go out once, and their commit waits until they are there', async () => {
  const { committer, producer, take, pipeline } = committerOf()
  take('ann')
  let committed = false
  const committing = committer.commit().then(() => {
    committed = true
  })
  await new Promise(resolve => setImmediate(resolve))
  assert.not.ok(committed)
  while (!committed) await producer.letGo()
  await committing
  assert.equal(producer.versions, [0])
  assert.equal(
    producer.sent.map(({ topic }) => topic),
    ['sim.features', 'sim.triggers'],
  )
  assert.is(pipeline.counts.rows, 1)
})

test('are committed a tenth of a second after the last commit, or when it cannot wait', async () => {
  const { committer, producer, take } = committerOf()
  const committing = committer.commit()
  while (!committer.quiet) await producer.letGo()
  await committing
  take('ann')
  committer.emit()
  assert.not(committer.isDue(false))
  assert.ok(committer.isDue(true))
  await systemClock.sleep(110)
  assert.ok(committer.isDue(false))
  for (let more = 0; more < 6; more++) await producer.letGo()
})

test('are sent in batches that a broker takes', async () => {
  const { committer, producer, take } = committerOf(200_000)
  for (let user = 0; user < 9; user++) take(`user ${user}`)
  committer.emit()
  const rows = producer.sent.filter(({ topic }) => topic === 'sim.features')
  assert.is(rows.flatMap(({ records }) => records).length, 9)
  assert.ok(rows.every(({ records }) => records.length <= 2))
  for (let more = 0; more < 12; more++) await producer.letGo()
})

test.run()
