import type { Job } from '../jobs/job.ts'
import { encodedAlone } from '../jobs/state-bytes.ts'
import { encodeRecordBatch, type OutgoingRecord, RecordReader } from '../protocol/record-batch.ts'
import type { Store } from '../state/store.ts'
import { Checkpoint } from './checkpoint.ts'
import { decodeEntity } from './entity.ts'
import { Pipeline } from './pipeline.ts'
import { States } from './states.ts'
import { Timers } from './timers.ts'
import { Watermark } from './watermark.ts'

const cached = { keysMax: 50_000 }
const eventsPerFlush = 20_000

/**
 * A job's states over some events, computed apart from its tasks by the same code: no log, no outputs, only what
 * is remembered, in a store of its own.
 */
export class Scratch<State = unknown> {
  readonly #job: Job<State>
  readonly #store: Store
  readonly #states: States<State>
  readonly #timers: Timers
  readonly #watermark: Watermark
  readonly #pipeline: Pipeline<State>
  #offset = 0
  #marker = 0

  constructor(job: Job<State>, store: Store) {
    this.#job = job
    this.#store = store
    const checkpoint = new Checkpoint(store, { ...nothing, history: 'scratch' })
    this.#states = new States(job, checkpoint, cached, false)
    this.#timers = new Timers(store)
    this.#watermark = new Watermark(job.outOfOrdernessMs, undefined)
    const kept = { states: this.#states, timers: this.#timers, watermark: this.#watermark }
    const alone = { partition: 0, partitions: 1, era: 0, inHand: () => undefined }
    this.#pipeline = new Pipeline({ job, ...kept, ...alone })
  }

  /** Takes an event, under the record's key. `appendedAt`: epoch ms. */
  async take(record: OutgoingRecord, appendedAt: number): Promise<void> {
    const batch = encodeRecordBatch([record], { now: appendedAt })
    batch.writeBigInt64BE(BigInt(this.#offset++), 0)
    const reader = new RecordReader(batch)
    reader.next()
    this.#pipeline.take(reader)
    for (let fired = this.#fire(); fired !== 'done'; fired = this.#fire()) {
      if (fired === 'load') await this.#timers.load()
      else this.#pipeline.frozen()
    }
    if (this.#states.full || this.#offset % eventsPerFlush === 0) await this.flush()
  }

  /** Of what was flushed: every key and its state, encoded as another state of the job can merge it; in order of key. */
  async *entries(): AsyncGenerator<readonly [key: string, state: Uint8Array]> {
    const empty = told(this.#job.create())
    for await (const [key, bytes] of this.#store.entries()) {
      const { state } = decodeEntity(this.#job, key, bytes)
      if (told(state) === empty) continue
      yield [key, encodedAlone(this.#job, state)]
    }
  }

  #fire() {
    return this.#watermark.time === undefined
      ? 'done'
      : this.#pipeline.fireDue(this.#watermark.time)
  }

  /** All that was taken is in the store. */
  async flush(): Promise<void> {
    this.#pipeline.side.take()
    this.#pipeline.frozen()
    const frozen = this.#states
      .freeze()
      .map(entity => ({ entity, bytes: this.#states.encode(entity) }))
    this.#states.committed(frozen, ++this.#marker, 0)
    while (await this.#states.checkpoint());
  }
}

const nothing = { complete: -1, newest: -1, writtenAt: 0 }

/** All but the time that it stands at. */
function told<State>(state: State): string {
  return JSON.stringify({ ...state, now: undefined })
}
