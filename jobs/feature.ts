import type { Event } from './event.ts'
import type { JobContext } from './job.ts'
import type { JobState, Table } from './layout.ts'

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
  readonly steps: readonly Bound[]
  /** What it shows in the row; a trigger shows nothing. */
  readonly fields: readonly Field[]
}

/** A step and the names of the events that it is for; `undefined`: all events. */
export interface Bound {
  readonly events: readonly string[] | undefined
  readonly step: Step
}

/**
 * What one feature does with one event, in two halves: all features read before any of them changes
 * anything, so a throw leaves the state as it was.
 */
export interface Step {
  /** What the event gives; `undefined`: nothing. Throws a `JobError` for an event that it cannot take. */
  read(event: Event): Value | undefined
  /** Never throws. `state.now` has been moved by the event. */
  update(state: JobState, value: Value, event: Event, context: JobContext): void
}

export type Value = number | string

export interface Field {
  readonly name: string
  /** A value that JSON can say; `undefined` leaves the field out. */
  value(state: JobState): unknown
}

/** What a feature is given while it is compiled. */
export interface Scope {
  readonly name: string
  /** Throws the definition's error: what is wrong, and how to write it. */
  fail(problem: string, remedy: string): never
  number(part: string, initial: number): number
  list(part: string): number
  column(part: string, everyMs: number, count: number): { table: Table; column: number }
}
