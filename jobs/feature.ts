import type { Event } from './event.ts'
import type { JobContext } from './job.ts'
import type { CellPlace, Clock, JobState, ListPlace, NumberPlace, Table } from './layout.ts'
import type { Tables } from './table.ts'
import type { TimeZones } from './time-zone.ts'

/**
 * One word of the feature language, as `count({…})` and its like make it. It learns its name and is
 * checked when `defineJob` compiles it.
 */
export interface Feature {
  readonly role: 'feature'
  readonly kind: string
  readonly options: object
  compile(scope: Scope): CompiledFeature
}

/** As `Feature`, for what sends a record when something happens. */
export interface TriggerRule {
  readonly role: 'trigger'
  readonly kind: string
  readonly options: object
  compile(scope: Scope): CompiledFeature
}

export interface CompiledFeature {
  readonly steps?: readonly Bound[]
  /** What the row shows under its name; a trigger shows nothing. */
  readonly show?: Show
  /** Whether `show` looks at what stands before it. */
  readonly showsOthers?: boolean
  readonly timer?: FeatureTimer
  readonly watch?: Watch
  /** The topics of other jobs that it sends events to. */
  readonly rekeys?: readonly string[]
  /** Whether its steps or its timer may throw: then the state is copied before each of them. */
  readonly mayThrow?: boolean
}

/** A step and the names of the events that it is for; `undefined`: all events. */
export interface Bound {
  readonly events: readonly string[] | undefined
  /** Whether it takes events too that are later than the job's lateness: what has no window does. */
  readonly takesLate: boolean
  readonly step: Step
}

/**
 * What one feature does with one event, in two halves: all features read before any of them changes
 * anything, so a throw leaves the state as it was.
 */
export interface Step {
  /** What the event gives; `undefined`: nothing. Throws a `JobError` for an event that it cannot take. */
  read(event: Event): unknown
  /** `state.now` has been moved by the event. Throws only where the feature says so (`mayThrow`). */
  update(state: JobState, value: unknown, event: Event, context: JobContext): void
}

/** A timer of one feature, in event time. */
export interface FeatureTimer {
  /** Epoch ms; Infinity: none. */
  next(state: JobState): number
  /** Afterwards `next` answers another time. */
  fire(state: JobState, time: number, context: JobContext): void
  /** As `fire`, without doing what it is for. Never throws. */
  cancel(state: JobState, time: number): void
}

/** Looks at the features after each change of a user, and sends a record when something has come about. */
export interface Watch {
  check(
    state: JobState,
    features: Readonly<Record<string, unknown>>,
    time: number,
    context: JobContext,
  ): void
}

/** A value that JSON can say; `undefined` leaves it out. `before` has the features that stand before it. Never throws. */
export type Show = (state: JobState, before: Readonly<Record<string, unknown>>) => unknown

/** What a feature is given while it is compiled. */
export interface Scope {
  readonly name: string
  /** Its job's. */
  readonly job: string
  /** The topic that its job reads. */
  readonly input: string
  /** Whether the job makes an anonymous key its user's: then events come to a key that may be sent on no more. */
  readonly identity: boolean
  /** How far back in event time an event may still come that a window takes, ms. */
  readonly latestMs: number
  /** What the job's functions look things up in. */
  readonly tables: Tables
  /** Names of the features before it that show something. */
  readonly before: readonly string[]
  /** Throws the definition's error: what is wrong, and how to write it. */
  fail(problem: string, remedy: string): never
  number(part: string, initial: number, merge: NumberPlace['merge']): number
  list(part: string, merge: ListPlace['merge']): number
  cell(part: string, place: Omit<CellPlace, 'id'>): number
  column(
    part: string,
    window: Pick<Table, 'everyMs' | 'count' | 'whole'>,
  ): { table: Table; column: number }
  clock(clock: Clock): void
  /** Answers the user's time zone, '' for UTC: that of the newest of all his events that names one. */
  zone(given: string): ZonePlace
}

export interface ZonePlace {
  readonly zones: TimeZones
  /** The zone that an event itself names. */
  of(event: Event): string | undefined
  user(state: JobState): string
}
