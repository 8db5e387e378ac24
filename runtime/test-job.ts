import { Packr, Unpackr } from 'msgpackr'
import { type TableRows, tablesOf } from '../jobs/bind-tables.ts'
import { parseDuration } from '../jobs/duration.ts'
import type { Job, JobRow } from '../jobs/job.ts'
import { encodeRecordBatch, type OutgoingRecord, RecordReader } from '../protocol/record-batch.ts'
import { memoryStore } from '../state/memory-store.ts'
import { Checkpoint } from './checkpoint.ts'
import { Pipeline } from './pipeline.ts'
import { rekeyedHeader } from './rekeyed.ts'
import { States } from './states.ts'
import { Timers } from './timers.ts'
import { Watermark } from './watermark.ts'

/** What a test says of an event; the rest is made up. */
export interface TestEvent {
  /** Name of a `track` event, such as 'Order Completed'. */
  readonly event?: string
  /** 'track' when left out. */
  readonly type?: string
  /** 'u1' when left out, and no `anonymousId` is given. */
  readonly userId?: string
  readonly anonymousId?: string
  /** A new one when left out: no event is taken for a repeat. */
  readonly messageId?: string
  /** Epoch ms or ISO 8601. The test's present when left out; a later one becomes its present. */
  readonly timestamp?: number | string
  readonly properties?: Readonly<Record<string, unknown>>
  readonly traits?: Readonly<Record<string, unknown>>
  readonly context?: Readonly<Record<string, unknown>>
}

export interface TestTrigger {
  readonly id: string
  readonly trigger: string
  readonly key: string
  readonly reason: string
  /** Epoch ms of event time. */
  readonly time: number
  readonly features: Readonly<Record<string, unknown>>
}

/** A record of the dead or the late topic. */
export interface TestLetter {
  readonly code: string
  readonly reason: string
}

/** An event for another job. */
export interface TestRekeyed {
  readonly to: string
  readonly key: string
  readonly event: Readonly<Record<string, unknown>>
}

/**
 * Drives a job in the test's own process, without a broker: the runtime's pipeline on a state in memory, one
 * partition, and a clock that only the test moves. What would be a record in a topic is a list here.
 */
export interface JobTest {
  /** The present, epoch ms. */
  readonly now: number
  /** Takes an event, as if it had just been appended to the input; then fires the timers that it makes due. */
  send(event: TestEvent): void
  /** As `send`, for a record's value just as a producer wrote it, such as a line of JSON. */
  sendRecord(value: string | Uint8Array): void
  /** Takes an event that another job has sent to a key of this one: `for (const one of pairs.rekeyed()) products.receive(one)`. */
  receive(rekeyed: TestRekeyed): void
  /** Lets time pass, such as '1h', in which nothing happens; the timers that come due fire in order. */
  advance(duration: string): void
  /** The user's features; `undefined`: there is no row. */
  features(key: string): JobRow['features'] | undefined
  /** Names of the segments that the user belongs to. */
  segments(key: string): readonly string[]
  /** All triggers so far, in order. */
  triggers(): readonly TestTrigger[]
  /** Events that could not be taken, and timers that threw. */
  dead(): readonly TestLetter[]
  late(): readonly TestLetter[]
  /** How many events were dropped, since their message ids had come before. */
  duplicates(): number
  /** Events sent on to other jobs; those to the job's own input have been taken already. */
  rekeyed(): readonly TestRekeyed[]
  /** Forgets all that is not in the encoded states, as after a crash. */
  restart(): void
}

const start = Date.UTC(2026, 0, 1)
/** A job may send an event on once; more rounds would be a mistake of the runtime. */
const roundsMax = 4

export interface TestJobOptions {
  /** The present that the test begins with, epoch ms; 1 January 2026 when left out. */
  readonly at?: number
  /** What is in the job's tables: rows by key, places by address. */
  readonly tables?: TableRows
}

export function testJob<State>(
  defined: Job<State>,
  { at = start, tables = {} }: TestJobOptions = {},
): JobTest {
  const job = defined.tables?.bind(tablesOf(tables)) ?? defined
  const triggers: TestTrigger[] = []
  const letters = { dead: [] as TestLetter[], late: [] as TestLetter[] }
  const elsewhere: TestRekeyed[] = []
  const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' })
  const packr = new Packr({ useRecords: false })
  let now = at
  let offset = 0
  let rekeyedOffset = 0
  /** Of before the last restart. */
  let duplicates = 0
  let received = 0
  let parts = open(new Map(), undefined)

  function open(kept: ReadonlyMap<string, Uint8Array>, watermarkTime: number | undefined) {
    const store = { ...memoryStore(), get: (key: string) => kept.get(key) }
    const checkpoint = new Checkpoint(store, {
      history: '',
      complete: -1,
      newest: -1,
      writtenAt: 0,
    })
    const states = new States(job, checkpoint, { keysMax: Number.MAX_SAFE_INTEGER }, false)
    const timers = new Timers(store)
    const watermark = new Watermark(job.outOfOrdernessMs, watermarkTime)
    const ends = { partition: 0, partitions: 1, era: 0, inHand: () => undefined }
    const pipeline = new Pipeline({ job, states, timers, watermark, ...ends })
    return { kept, states, timers, watermark, pipeline }
  }

  function take(record: OutgoingRecord): void {
    const batch = encodeRecordBatch([{ ...record, timestamp: now }], { now })
    batch.writeBigInt64BE(BigInt(offset++), 0)
    const reader = new RecordReader(batch)
    reader.next()
    parts.pipeline.take(reader)
    if (parts.watermark.time !== undefined) fire(parts.watermark.time)
    forward(0)
  }

  function fire(upTo: number): void {
    while (parts.pipeline.fireDue(upTo) === 'full') parts.pipeline.frozen()
    parts.pipeline.frozen()
  }

  /** What a step has sent; and what it sends to its own input is taken, in order. */
  function forward(round: number): void {
    const side = parts.pipeline.side.take()
    for (const { value } of side.triggers) triggers.push(JSON.parse(String(value)))
    for (const kind of ['dead', 'late'] as const) letters[kind].push(...side[kind].map(letterOf))
    for (const { key, value, headers = [] } of side.rekeyed) {
      const to = String(headers.find(([name]) => name === 'to')?.[1])
      const header = [rekeyedHeader, `${job.name}/0/0/${rekeyedOffset++}`] as const
      if (to === job.input && round < roundsMax) take({ key, value, headers: [header] })
      else elsewhere.push({ to, key: String(key), event: unpackr.unpack(Buffer.from(value ?? '')) })
    }
  }

  function rowOf(key: string): JobRow | undefined {
    const entity = parts.states.get(key)
    if (!entity.known || entity.dropped || job.hidden?.(entity.state)) return undefined
    return job.row(entity.state)
  }

  return {
    get now() {
      return now
    },
    send(given) {
      const { timestamp = now, messageId = `m${offset}` } = given
      const time = typeof timestamp === 'string' ? Date.parse(timestamp) : timestamp
      if (time > now) now = time
      const user = given.userId === undefined && given.anonymousId === undefined ? 'u1' : undefined
      const event = { type: 'track', ...(user && { userId: user }), ...given, messageId, timestamp }
      take({ key: given.userId ?? given.anonymousId ?? 'u1', value: JSON.stringify(event) })
    },
    sendRecord: value => take({ key: null, value: Buffer.from(value) }),
    receive({ key, event }) {
      if (typeof event.timestamp === 'number' && event.timestamp > now) now = event.timestamp
      const header = [rekeyedHeader, `another/0/0/${received++}`] as const
      take({ key, value: packr.pack(event), headers: [header] })
    },
    advance(duration) {
      const ms = parseDuration(duration)
      if (ms === undefined)
        throw new TypeError(`advance: expected a duration such as '1h', found ${duration}`)
      now += ms
      if (job.idle === 'wall-clock') fire(now)
      forward(0)
    },
    features: key => rowOf(key)?.features,
    segments: key => rowOf(key)?.segments ?? [],
    triggers: () => triggers,
    dead: () => letters.dead,
    late: () => letters.late,
    duplicates: () => duplicates + parts.pipeline.counts.duplicates,
    rekeyed: () => elsewhere,
    restart() {
      duplicates += parts.pipeline.counts.duplicates
      const kept = new Map(parts.kept)
      const timers: [number, string][] = []
      for (const entity of parts.states.freeze()) {
        const bytes = parts.states.encode(entity)
        if (bytes === null) kept.delete(entity.key)
        else kept.set(entity.key, bytes)
      }
      parts = open(kept, parts.watermark.time)
      for (const key of kept.keys()) {
        const { timerAt } = parts.states.get(key)
        if (timerAt !== undefined) timers.push([timerAt, key])
      }
      for (const [time, key] of timers) parts.timers.schedule(time, key)
    },
  }
}

function letterOf({ headers = [] }: OutgoingRecord): TestLetter {
  const text = (name: string) => String(headers.find(([key]) => key === name)?.[1] ?? '')
  return { code: text('error-code'), reason: text('reason') }
}
