import { RecordReader } from '../protocol/record-batch.ts'
import { timerAt } from '../state/codec.ts'
import type { Slice, Store, TimerEntry } from '../state/store.ts'
import type { Clock } from './clock.ts'
import { type Batch, type Log, LogError, type NextOffset, nextOffset } from './log.ts'
import { type CommittedProgress, markerKey, parseMarker } from './progress.ts'

const sliceEntries = 5_000
const sliceBytes = 8 * 1024 * 1024
const fetchBytes = 4 * 1024 * 1024
/** For one record: Kafka answers with a whole batch in any case. */
const fetchBytesOfOne = 1_024
/** A read that brings nothing new for so long has failed. */
export const stalledMsMax = 30_000

export interface RestoreOptions {
  readonly log: Log
  readonly clock: Clock
  readonly changelog: string
  readonly partition: number
  /** First changelog offset to read, and the marker that it ends with. */
  readonly from: number
  readonly progress: CommittedProgress
  readonly store: Store
  readonly signal: AbortSignal
  /** Records done, and to be done. */
  readonly onProgress: (done: number, total: number) => void
}

/**
 * Brings the store up to the marker. Offsets in the store move with each slice, so that a restore that is
 * killed goes on where it was.
 */
export async function restore(options: RestoreOptions): Promise<void> {
  const { changelog, partition, from, progress, store } = options
  const until = progress.changelog
  const slices = new Slices(store, progress.history)
  const batches = readFrom(options, changelog, partition, nextOffset(from), next => next > until)
  try {
    for await (const batch of batches) {
      const records = new RecordReader(batch.records)
      while (records.next()) {
        if (records.offset < from || records.offset > until) continue
        const key = records.keyString()
        const value = records.value()
        slices.add(
          key === null || key === markerKey ? undefined : [key, value && new Uint8Array(value)],
          records.offset,
          records.timestamp,
        )
        if (slices.full) await slices.write()
      }
      options.onProgress(Math.min(batch.next, until + 1) - from, until + 1 - from)
    }
    await slices.write(until)
  } finally {
    await slices.written() // nothing touches the store afterwards
  }
}

/** The newest marker of a changelog, read to its end, and how many records were seen on the way. */
export async function newestMarker(
  options: Pick<RestoreOptions, 'log' | 'clock' | 'changelog' | 'partition' | 'signal'>,
  start: NextOffset,
): Promise<{ marker: CommittedProgress | undefined; records: number }> {
  let marker: CommittedProgress | undefined
  let seen = 0
  for await (const batch of readFrom(
    options,
    options.changelog,
    options.partition,
    start,
    (next, end) => next >= end,
  )) {
    const records = new RecordReader(batch.records)
    while (records.next()) {
      seen++
      if (records.keyString() === markerKey)
        marker = parseMarker(records.value()?.toString() ?? '', records.offset) ?? marker
    }
  }
  return { marker, records: seen }
}

/** What the marker at an offset of the changelog says; `undefined` where none is. */
export async function markerAt(
  options: Pick<RestoreOptions, 'log' | 'clock' | 'changelog' | 'partition' | 'signal'>,
  offset: number,
): Promise<CommittedProgress | undefined> {
  const { changelog, partition } = options
  for await (const batch of readFrom(
    options,
    changelog,
    partition,
    nextOffset(offset),
    next => next > offset,
  )) {
    const records = new RecordReader(batch.records)
    while (records.next())
      if (records.offset === offset) return parseMarker(String(records.value()), offset)
  }
  return undefined
}

/** The append time of one record, epoch ms; `undefined` where the log does not have it any more. */
export async function appendTimeOf(
  options: Pick<RestoreOptions, 'log' | 'clock' | 'signal'>,
  topic: string,
  partition: number,
  offset: number,
): Promise<number | undefined> {
  const start = nextOffset(offset)
  const batches = readFrom(options, topic, partition, start, next => next > offset, fetchBytesOfOne)
  try {
    for await (const batch of batches) {
      const records = new RecordReader(batch.records)
      while (records.next()) if (records.offset === offset) return records.timestamp
    }
  } catch (error) {
    if (!(error instanceof OutOfRange)) throw error // retention was faster than the question
  }
  return undefined
}

class OutOfRange extends LogError {}

export type ReadOptions = Pick<RestoreOptions, 'log' | 'clock' | 'signal'>

/** Batches from `start` on, until `done` says of the position and the end that it is enough. */
export async function* readFrom(
  { log, clock, signal }: ReadOptions,
  topic: string,
  partition: number,
  start: NextOffset,
  done: (next: NextOffset, end: NextOffset) => boolean,
  partitionBytesMax = fetchBytes,
): AsyncGenerator<Batch> {
  const reader = log.reader({ topic, waitMsMax: 50, partitionBytesMax })
  try {
    reader.seek(partition, start)
    let next = start
    let progressAt = clock.elapsed()
    for (;;) {
      for (const fetched of await reader.poll()) {
        if (fetched.kind === 'out-of-range') {
          throw new OutOfRange(
            'refused',
            `${topic}-${partition} has offsets ${fetched.start} to ${fetched.end}, ${fetched.fetched} was asked for`,
          )
        }
        if (fetched.fetched !== next) continue // told again: older values must not follow newer ones
        if (fetched.next > next) progressAt = clock.elapsed()
        next = fetched.next
        yield fetched
        if (done(next, fetched.end)) return
      }
      if (signal.aborted)
        throw new LogError('unreachable', `reading ${topic}-${partition} was stopped`)
      if (clock.elapsed() - progressAt > stalledMsMax) {
        throw new LogError(
          'unreachable',
          `reading ${topic}-${partition} has stood at offset ${next} for ${stalledMsMax / 1000} s`,
        )
      }
    }
  } finally {
    await reader.close()
  }
}

/**
 * Collects changes and writes them in slices, one after the other; the next is read and collected meanwhile.
 * A changelog's later value of a key replaces the earlier one.
 */
class Slices {
  readonly #store: Store
  readonly #history: string
  readonly #known: boolean
  #states = new Map<string, Uint8Array | undefined>()
  #bytes = 0
  #last = -1
  #lastAt = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(store: Store, history: string) {
    this.#store = store
    this.#history = history
    this.#known = store.progress !== undefined
  }

  get full(): boolean {
    return this.#states.size >= sliceEntries || this.#bytes >= sliceBytes
  }

  add(
    change: [key: string, bytes: Uint8Array | null] | undefined,
    offset: number,
    at: number,
  ): void {
    this.#last = offset
    this.#lastAt = at
    if (!change) return
    const [key, bytes] = change
    this.#states.set(key, bytes ?? undefined)
    this.#bytes += bytes?.length ?? 0
  }

  /** Waits for the slice before, and begins to write this one. Rejects with what that one failed with. */
  async write(until = this.#last): Promise<void> {
    await this.#writing // its timers are compared with what the store says
    const progress = this.#store.progress
    const slice: Slice = {
      states: [...this.#states],
      ...this.#timers(),
      progress: {
        history: this.#history,
        complete: Math.max(until, this.#last),
        newest: Math.max(until, this.#last, progress?.newest ?? -1),
        writtenAt: Math.max(this.#lastAt, progress?.writtenAt ?? 0),
      },
    }
    this.#states = new Map()
    this.#bytes = 0
    this.#writing = this.#store.write(slice)
    this.#writing.catch(() => undefined) // told to whoever waits for it next
  }

  /** Resolves when all that was begun is in the store; a store is not closed before. */
  written(): Promise<void> {
    return this.#writing
  }

  #timers(): { timersAdded: TimerEntry[]; timersRemoved: TimerEntry[] } {
    const timersAdded: TimerEntry[] = []
    const timersRemoved: TimerEntry[] = []
    for (const [key, bytes] of this.#states) {
      const before = this.#known ? this.#store.get(key) : undefined
      const timeBefore = before && timerAt(before)
      const time = bytes && timerAt(bytes)
      if (timeBefore !== undefined && timeBefore !== time)
        timersRemoved.push({ time: timeBefore, key })
      if (time !== undefined && timeBefore !== time) timersAdded.push({ time, key })
    }
    return { timersAdded, timersRemoved }
  }
}
