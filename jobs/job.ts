import type { StateReader } from '../state/state-reader.ts'
import type { StateWriter } from '../state/state-writer.ts'
import type { Event } from './event.ts'
import type { JobDefinition } from './job-definition.ts'
import type { JsonWriter } from './json-writer.ts'
import type { TableSources, Tables } from './table.ts'

/**
 * A job as the runtime knows it: pure functions over one key's state. `defineJob` makes one from features
 * and triggers. Nothing here reads a clock, randomness, files or the network.
 */
export interface Job<State = unknown> {
  readonly name: string
  /** The one topic that it reads. */
  readonly input: string
  /** Changes whenever the definition does, and only then. */
  readonly hash: string
  /** Whether the wall clock moves the time of a quiet task, or only events do. */
  readonly idle: 'wall-clock' | 'hold'
  /** 'every': a row for each event and timer. Left out: a commit has one of each changed key, however often it changed. */
  readonly emit?: 'every'
  /** How far behind the newest event time the watermark follows, ms. */
  readonly outOfOrdernessMs: number
  /** How far behind the watermark an event may be before it goes to `<job>.late`, ms. */
  readonly latenessMs: number
  /** A repeat of one of a key's last `last` message ids, at most `withinMs` older in event time, is dropped. */
  readonly dedupe: { readonly last: number; readonly withinMs: number }
  /** The most bytes of one key's encoded state; an event that would exceed it is dead-lettered. */
  readonly stateBytesMax: number
  /** The topics that `rekey` may send to, each of which must exist before the job starts; none when left out. */
  readonly rekeys?: readonly string[]
  /** What it looks things up in, of a job that has not been given its tables yet: `bind` answers the job with them. */
  readonly tables?: {
    readonly sources: TableSources
    /** Its hash changes with what is in the tables. Throws a `JobError` where one is missing. */
    bind(tables: Tables): Job<State>
  }

  /** Of each feature an id of its definition: the same only for the same. Left out: nothing is known of them. */
  readonly featureIds?: Readonly<Record<string, string>>
  /** The same job with one feature alone, whose states the whole one can merge. */
  only?(feature: string): Job<State>
  /** What its author wrote, where `defineJob` made it: for those who tell people about it. */
  readonly definition?: JobDefinition

  create(): State
  /** Writes the state: `to.value([…])`, or piece by piece. */
  encode(state: State, to: StateWriter): void
  /** The inverse of `encode`. Throws a `JobError` for a shape that it does not know. */
  decode(from: StateReader): State
  /** Throws a `JobError` with code `schema_failed` for an event that does not fit its schema. */
  check?(event: Event): void
  /** Takes the event into the state. On a throw (a `JobError`) the state is as it was. */
  absorb(state: State, event: Event, context: JobContext): void
  /** Whether something takes the event though it is later than the lateness. Left out: nothing ever does. */
  takesLate?(event: Event): boolean
  /** The key's next timer, first by time, then by name. A pure function of the state. */
  nextTimer(state: State): Timer | undefined
  /** Fires what `nextTimer` said; afterwards `nextTimer` answers another. On a throw the state is as it was. */
  fire(state: State, timer: Timer, context: JobContext): void
  /** Removes a timer that threw, firing nothing. */
  cancel(state: State, timer: Timer): void
  /**
   * Takes into a user's state what is remembered of who he was before he was known. `from` is of no use
   * afterwards. Its timers and windows go on; what both count is counted once each.
   */
  merge(into: State, from: State): void
  row(state: State): JobRow
  /** Writes what lies between the braces of `row`'s JSON, the same bytes. Left out: it is made of `row`. */
  writeRow?(state: State, to: JsonWriter): void
  /**
   * Whether the key has no row now, such as an anonymous one that is somebody's: a tombstone stands in its place.
   * A pure function of the state; never when left out.
   */
  hidden?(state: State): boolean
}

export interface JobRow {
  readonly features: Readonly<Record<string, unknown>>
  readonly segments: readonly string[]
}

/** What the features show, by name. Its author alone knows what is what. */
// biome-ignore lint/suspicious/noExplicitAny: a job's own functions compare and add what they know to be numbers
export type FeatureValues = Readonly<Record<string, any>>

export interface JobContext {
  /** The key. */
  readonly key: string
  /** The task's watermark before this event, epoch ms; `undefined` before the first. */
  readonly watermark: number | undefined
  /** The event is later than the job's lateness: only what has no window takes it. */
  readonly late?: boolean
  /** Sends a trigger record with this step's commit; forgotten when the step throws. */
  emit(trigger: Trigger): void
  /**
   * Sends an event to another key, of this job or of one that is chained to it, with this step's commit; it
   * takes effect there once. Forgotten when the step throws. Throws a `JobError` itself (`rekeyed_twice`: what
   * this step takes was rekeyed before; `rekeyed_too_large`, `bad_rekey`), so call it before the state is changed.
   */
  rekey(record: Rekeyed): void
  /**
   * After this step nothing is left of the key: state, timers and remembered message ids are gone, and
   * tombstones go to the changelog and to the features with this commit. It is an erasure: where an event asks for it,
   * that goes to `<job>.erased`, and old events are not brought again. What the step did to the state is gone too;
   * its triggers and rekeyed events are sent. When the key comes back, it begins anew, and its versions go on growing.
   */
  drop(): void
}

/** An event for another key. */
export interface Rekeyed {
  /** A topic of the job's `rekeys`; its own input when left out. */
  readonly to?: string
  /** Whose state it goes into there: a user's id, a product's, …; at most 1,024 characters. */
  readonly key: string
  readonly event: RekeyedEvent
}

/**
 * Fields as those of `Event`. Two types are the runtime's, and can come only by `rekey`: a `link` tells a key
 * that it is `userId`'s, and may be answered with one `merge`, which brings its state there. Neither is ever late.
 */
export interface RekeyedEvent {
  readonly type: string
  readonly event?: string
  /** Unique among all that goes to that key, also from other events; '' for one that is never taken for a repeat. */
  readonly messageId: string
  /** Epoch ms. */
  readonly timestamp: number
  readonly userId?: string
  readonly anonymousId?: string
  readonly properties?: Readonly<Record<string, unknown>>
  readonly traits?: Readonly<Record<string, unknown>>
  readonly context?: Readonly<Record<string, unknown>>
  /** A state as `encodedAlone` makes it, for the receiving step to merge. */
  readonly state?: Uint8Array
}

export interface Timer {
  /** Epoch ms of event time. */
  readonly time: number
  readonly name: string
}

export interface Trigger {
  readonly name: string
  /** What made it fire, for people. */
  readonly reason: string
  /** Epoch ms of event time. */
  readonly time: number
}

/** A fault of one event or of a job's definition. `code` is stable, snake_case. */
export class JobError extends Error {
  override readonly name = 'JobError'
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
