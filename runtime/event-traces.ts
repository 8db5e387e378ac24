import { createHash } from 'node:crypto'
import { ProtocolError } from '../protocol/error.ts'
import type { RecordReader } from '../protocol/record-batch.ts'
import type { Clock } from './clock.ts'

/** One piece of work on an event's way, over: plain data, so that it can go from a thread to the one that exports. */
export interface Span {
  readonly name: 'event' | 'take' | 'commit' | CommitStep
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | undefined
  /** Epoch ms, with fractions. */
  readonly startMs: number
  readonly endMs: number
  /** Nothing personal: topics, partitions, offsets, numbers. */
  readonly attributes: Readonly<Record<string, string | number>>
}

/** What a commit does, one after the other. */
export type CommitStep = 'freeze' | 'send' | 'offsets' | 'end'

export interface TraceOptions {
  /** One event in so many is followed, and each that carries a sampled `traceparent`; 0: these alone. */
  readonly every: number
  readonly post: (spans: Span[]) => void
}

/** At most so many events of one commit are followed. */
const eventsMax = 20

/**
 * Follows some events of one task from their record to their row:
 *
 *     event            from the record's append until its row is committed; child of the record's `traceparent`
 *     ├ take           the event into its user's state, on its lane
 *     └ commit         of the transaction that holds its row
 *       ├ freeze       rows and states encoded
 *       ├ send         rows, states and the marker, sent and acknowledged
 *       ├ offsets      the input offset added to the transaction
 *       └ end          the transaction ended
 *
 * Ids come from where the record lies, not from chance: an event that is taken again after a crash has the same.
 */
export class EventTraces {
  readonly #options: TraceOptions
  readonly #clock: Clock
  readonly #place: { readonly job: string; readonly input: string; readonly partition: number }
  #taken: TracedEvent[] = []

  constructor(
    options: TraceOptions,
    place: { job: string; input: string; partition: number },
    clock: Clock,
  ) {
    this.#options = options
    this.#place = place
    this.#clock = clock
  }

  /** Before an event is taken: whether it is followed. Call the answer when it has been taken. */
  start(record: RecordReader): (() => void) | undefined {
    if (this.#taken.length >= eventsMax) return undefined
    const parent = parentOf(record)
    const sampled = parent ? parent.sampled : record.offset % this.#options.every === 0
    if (!sampled) return undefined
    const { job, input, partition } = this.#place
    const seed = `${job}/${input}/${partition}/${record.offset}/${record.timestamp}`
    const event: TracedEvent = {
      traceId: parent?.traceId ?? id(seed, 32),
      parentId: parent?.spanId,
      spanId: id(`${seed}/event`, 16),
      appendedAt: record.timestamp,
      offset: record.offset,
      startMs: this.#now(),
      endMs: 0,
    }
    return () => {
      event.endMs = this.#now()
      this.#taken.push(event)
    }
  }

  /** When a commit is frozen: the events in it, if any are followed. */
  freeze(): CommitTrace | undefined {
    if (this.#taken.length === 0) return undefined
    const events = this.#taken
    this.#taken = []
    return new CommitTrace(events, this.#place, () => this.#now(), this.#options.post)
  }

  /** Epoch ms with the fractions of the steady clock. */
  #now(): number {
    const elapsed = this.#clock.elapsed()
    this.#epochMs ??= this.#clock.now() - elapsed
    return this.#epochMs + elapsed
  }
  #epochMs: number | undefined
}

interface TracedEvent {
  readonly traceId: string
  readonly parentId: string | undefined
  readonly spanId: string
  readonly appendedAt: number
  readonly offset: number
  readonly startMs: number
  endMs: number
}

/** One commit as seen by the events in it that are followed. What does not end is not told. */
export class CommitTrace {
  readonly #events: readonly TracedEvent[]
  readonly #place: { readonly job: string; readonly input: string; readonly partition: number }
  readonly #now: () => number
  readonly #post: (spans: Span[]) => void
  readonly #startMs: number
  readonly #steps: { name: CommitStep; startMs: number; endMs: number }[] = []

  constructor(
    events: readonly TracedEvent[],
    place: { job: string; input: string; partition: number },
    now: () => number,
    post: (spans: Span[]) => void,
  ) {
    this.#events = events
    this.#place = place
    this.#now = now
    this.#post = post
    this.#startMs = now()
  }

  /** A step is over; it began when the one before ended. */
  step(name: CommitStep): void {
    const startMs = this.#steps.at(-1)?.endMs ?? this.#startMs
    this.#steps.push({ name, startMs, endMs: this.#now() })
  }

  /** The commit has ended. `marker`: its offset in the changelog. */
  ended(marker: number, rows: number): void {
    const endMs = this.#steps.at(-1)?.endMs ?? this.#now()
    const { job, input, partition } = this.#place
    const spans: Span[] = []
    for (const { traceId, parentId, spanId, appendedAt, offset, ...take } of this.#events) {
      const attributes = {
        'messaging.system': 'kafka',
        'messaging.destination.name': input,
        'messaging.destination.partition.id': String(partition),
        'messaging.kafka.offset': offset,
      }
      const commitId = id(`${spanId}/commit`, 16)
      const commitAttributes = {
        'millrace.job': job,
        'millrace.marker': marker,
        'millrace.rows': rows,
      }
      // A producer's clock may be ahead of ours, where the topic does not take the broker's.
      const startMs = Math.min(appendedAt, take.startMs)
      spans.push(
        { name: 'event', traceId, spanId, parentId, startMs, endMs, attributes },
        {
          ...{ name: 'take', traceId, spanId: id(`${spanId}/take`, 16), parentId: spanId },
          ...{ startMs: take.startMs, endMs: take.endMs, attributes },
        },
        {
          ...{ name: 'commit', traceId, spanId: commitId, parentId: spanId },
          ...{ startMs: this.#startMs, endMs, attributes: { ...attributes, ...commitAttributes } },
        },
        ...this.#steps.map(step => ({
          ...step,
          ...{ traceId, spanId: id(`${spanId}/${step.name}`, 16), parentId: commitId, attributes },
        })),
      )
    }
    this.#post(spans)
  }
}

const nameBytes = Buffer.from('traceparent')
const traceparent =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** The record's `traceparent` (https://www.w3.org/TR/trace-context/); one that is wrong counts as none. */
function parentOf(
  record: RecordReader,
): { traceId: string; spanId: string; sampled: boolean } | undefined {
  // Most records have none, and searching their bytes is cheaper than reading their headers.
  if (record.tail().indexOf(nameBytes) < 0) return undefined
  const text = headerOf(record, 'traceparent')
  if (text === undefined) return undefined
  const [, traceId, spanId, flags] = traceparent.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

function headerOf(record: RecordReader, name: string): string | undefined {
  try {
    return record
      .headers()
      .find(([each]) => each === name)?.[1]
      .toString('latin1')
  } catch (error) {
    if (error instanceof ProtocolError) return undefined // taking the record tells what is wrong with it
    throw error
  }
}

function id(seed: string, digits: number): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, digits)
}
