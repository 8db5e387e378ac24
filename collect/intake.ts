import type { JsonEvents } from './json-events.ts'

/** Whose events these are: what the write key of a request says of its sender. */
export interface Source {
  /** Name of the write key; goes into metrics and rejected events, never the key itself. */
  readonly name: string
  /** Events without `context.consent.categoryPreferences` are refused. */
  readonly requireConsent: boolean
  /** Pages that its key is for, as origins.ts has them; any when not given. A form sends people on to these. */
  readonly origins?: readonly string[]
}

/** What the door knows of events that came together, in one request, file or answer. */
export interface Arrival {
  readonly source: Source
  /** Epoch ms. */
  readonly receivedAt: number
  /** Of the batch, as its sender said; an event's own wins. */
  readonly sentAt?: unknown
  /** Of the sender, put into `context.ip` of events that have none; left out where nobody's device is meant. */
  readonly ip?: string | undefined
  /** Put into `context.userAgent` of events that have none. */
  readonly userAgent?: string | undefined
}

/** Stable; the reason of a rejected event for programs, and a label of metrics. */
export type RejectionCode =
  | 'not_an_event'
  | 'too_large'
  | 'too_deep'
  | 'too_many_keys'
  | 'bad_type'
  | 'bad_field'
  | 'no_user'
  | 'no_time'
  | 'no_consent'
  | 'plan_failed'

export interface Rejected {
  /** Which of the events that were given, from 0. */
  readonly index: number
  readonly code: RejectionCode
  /** Where in the event, such as `properties.price`; '' for all of it. */
  readonly path: string
  /** For people: what was expected, and what kind of value came. Never the value. */
  readonly reason: string
}

export interface Taken {
  readonly accepted: number
  readonly rejected: readonly Rejected[]
}

/** Where every door puts its events, in Segment's shape: the one place that checks, times and keys them. */
export interface Intake {
  /**
   * Resolves once every event is safe, the good on `events`, the others on `events.rejected`. Rejects only with a
   * `Problem`: 429 with Retry-After where nothing more can be kept; then none of them counts as taken. Never
   * throws for what an event contains. The events are the intake's from now on: it may change them.
   */
  take(events: readonly unknown[], arrival: Arrival): Promise<Taken>
  /**
   * The same for events that are still JSON, as `take` of what JSON.parse makes of them. `undefined` where that has to be
   * done, since they are unusual: nothing is taken then.
   */
  takeJson(events: JsonEvents, arrival: Arrival): Promise<Taken> | undefined
}
